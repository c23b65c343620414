"""Notices about files that were uploaded: to whoever may read the folder, and to the uploader if they want to know. Quick: SQL.

Sight of the folder decides, when it is told and whenever it is shown: whoever was given a single file in it is not told what
the folder is called.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant
from coffer_chassis.copies.tree import standings
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Meta
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.ids import UserId
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.notices import ItemRef
from coffer_notifier.handlers.audience import readers_among
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.gathering import Happening, gather
from coffer_notifier.handlers.sight import given_since, grantee_of
from coffer_notifier.store import preferences
from coffer_notifier.store.tables import tree


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came, and the grants on it and on the folders above it."""

    unit: Unit
    event: Meta
    fact: ItemCommittedV1
    given: tuple[Grant, ...]


async def tell_of_uploads(connection: AsyncConnection, deps: Deps, uploads: Sequence[Upload]) -> None:
    """Tell people of what signed-in people uploaded. Costs nothing for files that came otherwise. May run twice."""
    told = [one for upload in uploads for one in _told(upload)]
    wishes = await preferences.of_people(connection, {one.user_id for one in told})
    wanted = [one for one in told if wishes[one.user_id].by(one.kind)]
    if wanted:
        wanted = await _let_in_before(connection, wanted, uploads)
    if wanted:
        folders = {one.item.id for one in wanted}
        names = {folder: standing.name for folder, standing in (await standings(connection, tree, folders)).items()}
        named = [replace(one, item=replace(one.item, name=names.get(one.item.id, ""))) for one in wanted]
        await gather(connection, deps, named, wishes)


async def _let_in_before(connection: AsyncConnection, told: Sequence[Happening], uploads: Sequence[Upload]) -> list[Happening]:
    """Without those who were let in later: what was there by then is no news to them, in whatever order the facts come."""
    above = {upload.event.id: upload.fact.ancestor_ids for upload in uploads}
    since = await given_since(connection, {folder for folders in above.values() for folder in folders})

    def was_in(one: Happening) -> bool:
        if one.user_id in {one.item.owner_id, one.event.actorid}:
            return True
        given = [since.get((grantee_of(one.user_id), folder)) for folder in above[one.event.id]]
        return any(moment <= one.event.time for moment in given if moment)

    return [one for one in told if was_in(one)]


def _told(upload: Upload) -> Iterator[Happening]:
    """Who may hear of it, and of what kind it is for them; the folder has no name yet."""
    event, fact, folder = upload.event, upload.fact, upload.fact.parent_id
    if fact.upload_id is None or folder is None or event.actorkind not in {"user", "token"} or not event.actorid:
        return
    uploader, item = UserId(event.actorid), ItemRef(folder, "folder", "", fact.owner_id)
    yield Happening(upload.unit, event, uploader, kinds.UPLOAD_DONE, item, folder)
    kind = kinds.FILES_UPLOADED if fact.is_new else kinds.FILES_CHANGED
    above = [tuple(one for one in fact.ancestor_ids if one != folder)]
    for reader in sorted(readers_among(upload.given, folder, fact.owner_id, above, upload.unit.now) - {uploader}):
        yield Happening(upload.unit, event, reader, kind, item, folder)
