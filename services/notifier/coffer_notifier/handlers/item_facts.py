"""What follows from facts about items and uploads: the copy of the tree, activity, notices, hints. All quick: SQL only."""

from dataclasses import dataclass
from typing import Any

from coffer_chassis.access import Place, Rights, rights_on
from coffer_chassis.copies.grants import grants_to
from coffer_chassis.copies.tree import note_item, note_purge, standings
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import (
    ItemChangedV1,
    ItemCommittedV1,
    ItemFact,
    ItemPurgedV1,
    UploadConflictedV1,
    UploadExpiredV1,
    UploadFact,
    UploadFailedV1,
    UploadRejectedV1,
)
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.media import PreviewFact, PreviewFailedV1, PreviewOmittedV1, PreviewReadyV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.activity import Folder, entry_of_download, entry_of_item
from coffer_notifier.handlers.audience import readers_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.sight import grantee_of
from coffer_notifier.handlers.telling import UPLOADS, give_notice, hint_at_changes, tell
from coffer_notifier.store import activity, notices
from coffer_notifier.store.tables import grants, tree

NOWHERE = Folder(None, None)


async def on_item(event: Envelope[ItemFact], unit: Unit, _deps: Deps) -> None:
    """Made, committed, trashed or restored: noted, written down, and told to whoever may read it."""
    await note_item(unit.connection, tree, event)
    await _write_down_and_hint(event, unit, NOWHERE, NOWHERE)


async def on_item_committed(event: Envelope[ItemCommittedV1], unit: Unit, deps: Deps) -> None:
    """As every fact about an item; and the uploader's streams hear what became of the upload."""
    await on_item(event, unit, deps)
    fact = event.data
    if fact.upload_id is None:
        return
    uploader = UserId(event.actorid) if event.actorid and event.actorkind in {"user", "token"} else fact.owner_id
    data = _upload("committed", fact.name, upload_id=fact.upload_id, item_id=fact.item_id, parent_id=fact.parent_id)
    if fact.content:
        data |= {"version_id": fact.content.version_id, "size": fact.content.size_bytes}
    await tell(unit, uploader, UPLOADS, "upload", data)


async def on_item_changed(event: Envelope[ItemChangedV1], unit: Unit, _deps: Deps) -> None:
    """Renamed or moved: those who could see it where it was hear of it, too. One told again tells nobody anything."""
    await note_item(unit.connection, tree, event)
    fact = event.data
    if not fact.changes:
        return
    before, after = NOWHERE, NOWHERE
    if "parent_id" in fact.changes:
        folders = [folder for folder in (fact.previous_parent_id, fact.parent_id) if folder]
        known = await standings(unit.connection, tree, folders)
        before, after = (_folder(folder, known) for folder in (fact.previous_parent_id, fact.parent_id))
    await _write_down_and_hint(event, unit, before, after)


async def on_item_purged(event: Envelope[ItemPurgedV1], unit: Unit, _deps: Deps) -> None:
    """Gone for good: a tombstone, and nothing that was told about it is shown any longer."""
    await note_purge(unit.connection, tree, event)
    await notices.empty_about(unit.connection, event.data.item_id, unit.now)
    await _write_down_and_hint(event, unit, NOWHERE, NOWHERE)


async def on_item_downloaded(event: Envelope[ItemDownloadedV1], unit: Unit, _deps: Deps) -> None:
    """Somebody fetched it: written down, and nobody's streams hear of it."""
    await activity.add(unit.connection, entry_of_download(event, new_id()))


def _folder(folder_id: ItemId | None, known: dict[ItemId, Any]) -> Folder:
    standing = known.get(folder_id) if folder_id else None
    return Folder(folder_id, standing.name, standing.ancestor_ids) if standing else Folder(folder_id, None)


async def _write_down_and_hint(
    event: Envelope[ItemFact] | Envelope[ItemPurgedV1], unit: Unit, before: Folder, after: Folder
) -> None:
    entry = entry_of_item(event, new_id(), before, after)
    if entry is not None:
        await activity.add(unit.connection, entry)
    fact = event.data
    above = [fact.ancestor_ids]
    if before.id:
        above.append((*before.ancestor_ids, before.id))
    readers = await readers_of(unit.connection, fact.item_id, fact.owner_id, above, unit.now)
    await hint_at_changes(unit, readers)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an upload ended, or came to wait: its notice, and whether it concerns the owner of the drive as well."""

    notice: str
    concerns_owner: bool = False


_ENDINGS: dict[type[UploadFact], _Ending] = {
    UploadConflictedV1: _Ending(kinds.UPLOAD_CONFLICT),
    # It lies in quarantine at the owner's expense, and only the owner can have it released.
    UploadRejectedV1: _Ending(kinds.UPLOAD_REJECTED, concerns_owner=True),
    UploadFailedV1: _Ending(kinds.UPLOAD_FAILED),
    UploadExpiredV1: _Ending(kinds.UPLOAD_EXPIRED),
}


async def on_upload_ended(event: Envelope[UploadFact], unit: Unit, _deps: Deps) -> None:
    """Conflict, rejected, failed, expired: the uploader is told, and the owner where it is theirs to act."""
    fact = event.data
    ending = _ENDINGS[type(fact)]
    suggested = fact.suggested_name if isinstance(fact, UploadConflictedV1) else None
    data = _upload(
        fact.state,
        fact.name,
        upload_id=fact.upload_id,
        parent_id=fact.parent_id,
        size=fact.size_bytes,
        reason=fact.reason,
        detail=fact.detail,
        suggested_name=suggested,
    )
    concerned = [fact.uploader_id]
    if ending.concerns_owner and fact.owner_id != fact.uploader_id:
        concerned.append(fact.owner_id)
    for person in concerned:
        await give_notice(unit, event, person, ending.notice, None, data)
    await tell(unit, fact.uploader_id, UPLOADS, "upload", data)


async def on_preview(event: Envelope[PreviewFact], unit: Unit, _deps: Deps) -> None:
    """A preview came or will not come: the uploader's and the owner's streams hear it, and all who see the file look anew."""
    fact = event.data
    reason = fact.reason if isinstance(fact, PreviewFailedV1) else None
    standing = (await standings(unit.connection, tree, [fact.item_id])).get(fact.item_id)
    above = standing.ancestor_ids if standing else fact.ancestor_ids
    data = _upload(
        _PREVIEWS[type(fact)],
        standing.name if standing else None,
        item_id=fact.item_id,
        version_id=fact.version_id,
        reason=reason,
    )
    concerned = {fact.owner_id}
    if event.actorid and event.actorkind in {"user", "token"}:
        uploader = UserId(event.actorid)
        given = await grants_to(unit.connection, grants, grantee_of(uploader), (fact.item_id, *above))
        place = standing.place if standing else Place(fact.item_id, fact.owner_id, above)
        if Rights.READ in rights_on(place, grantee_of(uploader), given, unit.now):
            concerned.add(uploader)
    for person in sorted(concerned):
        await tell(unit, person, UPLOADS, "upload", data)
    await hint_at_changes(unit, await readers_of(unit.connection, fact.item_id, fact.owner_id, [above], unit.now))


_PREVIEWS = {PreviewReadyV1: "preview_ready", PreviewOmittedV1: "preview_none", PreviewFailedV1: "preview_failed"}


def _upload(state: str, name: str | None, **more: Any) -> dict[str, Any]:
    """An `upload` event: every field always there, so that clients need no cases."""
    fields = ("upload_id", "item_id", "version_id", "parent_id", "size", "reason", "detail", "suggested_name")
    return {"state": state, "name": name, **dict.fromkeys(fields), **more}
