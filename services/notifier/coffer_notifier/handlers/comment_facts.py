"""What follows from facts about comments: notices, and activity. All quick: SQL only.

Sharing names only people who might see the item at that moment; whether they still may is judged when a notice is shown.
"""

from collections.abc import Mapping

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_contracts.sharing_comments import CommentChangedV1, CommentCreatedV1, CommentDeletedV1, CommentFact
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.activity import entry_of_comment
from coffer_notifier.domain.notices import ItemRef
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import give_notices
from coffer_notifier.store import activity, notices


async def on_comment_created(event: Envelope[CommentCreatedV1], unit: Unit, deps: Deps) -> None:
    """Told are who is mentioned, who wrote in the thread, and the owner of the item; each once, and never the author."""
    fact = event.data
    told: dict[UserId, str] = {fact.owner_id: kinds.COMMENT_ADDED}
    told |= dict.fromkeys(fact.participant_ids, kinds.COMMENT_REPLIED)
    told |= dict.fromkeys(fact.mentioned_ids, kinds.COMMENT_MENTIONED)
    told.pop(fact.author_id, None)
    await _tell(event, unit, deps, told)
    await _write_down(event, unit)


async def on_comment_changed(event: Envelope[CommentChangedV1], unit: Unit, deps: Deps) -> None:
    """Told are those who were not mentioned before, and never were."""
    fact = event.data
    told = dict.fromkeys(fact.newly_mentioned_ids, kinds.COMMENT_MENTIONED)
    if fact.author_id is not None:
        told.pop(fact.author_id, None)
    await _tell(event, unit, deps, told)
    await _write_down(event, unit)


async def on_comment_deleted(event: Envelope[CommentDeletedV1], unit: Unit, _deps: Deps) -> None:
    """What was told of it is taken back; who would hear of it later hears nothing."""
    await notices.empty_about_comment(unit.connection, event.data.item_id, event.data.comment_id, unit.now)
    await _write_down(event, unit)


async def _tell(event: Envelope[CommentFact], unit: Unit, deps: Deps, told: Mapping[UserId, str]) -> None:
    fact = event.data
    if not told or await activity.comment_has_gone(unit.connection, fact.item_id, fact.comment_id, event.time):
        return
    item = ItemRef(fact.item_id, fact.item_kind, fact.item_name, fact.owner_id)
    data = {"comment_id": fact.comment_id, "thread_id": fact.thread_id}
    mentioned = {person: kind for person, kind in told.items() if kind == kinds.COMMENT_MENTIONED}
    others = {person: kind for person, kind in told.items() if person not in mentioned}
    # Whoever is mentioned, taken out and mentioned again was told already: once for a comment, whichever fact said so.
    await give_notices(unit, deps, event, mentioned, item, data, once=f"mention/{fact.comment_id}")
    await give_notices(unit, deps, event, others, item, data)


async def _write_down(event: Envelope[CommentFact], unit: Unit) -> None:
    entry = entry_of_comment(event, new_id())
    if entry is not None:
        await activity.add(unit.connection, entry)
