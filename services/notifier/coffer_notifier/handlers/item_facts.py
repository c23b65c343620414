"""What follows from facts about items and uploads. All quick: SQL only."""

from dataclasses import dataclass

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import UploadConflictedV1, UploadExpiredV1, UploadFact, UploadFailedV1, UploadRejectedV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.item_effects import Fact, settle
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.handlers.telling import UPLOADS, tell
from coffer_notifier.handlers.upload_news import of_ending


async def on_item(event: Fact, unit: Unit, deps: Deps) -> None:
    """Made, committed, changed, trashed, restored, gone, downloaded, or its preview came or will not come: together with the
    other facts of the transaction it is noted, written down, and told to whoever may read it.
    """
    unit.together(settle, (event, deps))


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an upload ended, or came to wait: its notice, and whether it concerns the owner of the drive as well. Of what a
    visitor of a public link sent, the owner alone can be told, and is unless the visitor merely gave it up.
    """

    notice: str
    concerns_owner: bool = False
    of_link: bool = True


_ENDINGS: dict[type[UploadFact], _Ending] = {
    UploadConflictedV1: _Ending(kinds.UPLOAD_CONFLICT),
    # It lies in quarantine at the owner's expense, and only the owner can have it released.
    UploadRejectedV1: _Ending(kinds.UPLOAD_REJECTED, concerns_owner=True),
    UploadFailedV1: _Ending(kinds.UPLOAD_FAILED),
    UploadExpiredV1: _Ending(kinds.UPLOAD_EXPIRED, of_link=False),
}


async def on_upload_ended(event: Envelope[UploadFact], unit: Unit, deps: Deps) -> None:
    """Conflict, rejected, failed, expired: the uploader is told, and the owner where it is theirs to act. A link is nobody who
    could be told.
    """
    fact = event.data
    ending = _ENDINGS[type(fact)]
    data = of_ending(fact)
    is_of_link = event.actorkind == "link"
    sender = fact.owner_id if is_of_link else fact.uploader_id
    concerned = [sender] if not is_of_link or ending.of_link else []
    if ending.concerns_owner and fact.owner_id != sender:
        concerned.append(fact.owner_id)
    for person in concerned:
        await give_notice(unit, deps, event, person, ending.notice, None, data)
    await tell(unit, sender, UPLOADS, "upload", data)
