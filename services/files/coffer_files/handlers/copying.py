"""Copying items: a file at once, a folder with everything below it as a job (`handlers.copying_trees`).

Within one drive copies share the stored objects; in another drive they get objects of their own.
"""

from dataclasses import dataclass
from typing import Any

from coffer_chassis.access import Rights
from coffer_chassis.idempotency import Claim, known_result, once
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import ItemId, JobId
from coffer_contracts.problems import Cycle, KindConflict, NotFound, StateConflict
from coffer_files.domain.copying import Pair, Source
from coffer_files.domain.items import accept_depth
from coffer_files.domain.jobs import Job, Progress
from coffer_files.domain.names import accept_name
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.heights import accept_tree
from coffer_files.handlers.items import ROOT, find_item, hold_folder
from coffer_files.handlers.jobs import find_job, start_job
from coffer_files.handlers.objects import copied_objects, shared_objects
from coffer_files.handlers.placing import Placing, place
from coffer_files.handlers.room import require_room
from coffer_files.handlers.sight import Seen, seen
from coffer_files.store import copying as rows
from coffer_files.store import items as tree
from coffer_files.store.drives import Drive, drive_of, lock_drive

COPY = "copy"
AT_ONCE_BYTES = 256 * 1024**2
"""Up to this a file is copied into another drive while the request waits; a larger one as a job."""

COUNTED = 10_000
"""Of a tree that is larger it is not told how many items there are."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Where the copy goes, and what it is called if not like its source."""

    parent: str
    name: str | None = None
    conflict: ConflictPolicy = "fail"


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy, or the job that makes it; and whether this is the replay of an earlier request."""

    made: Seen | Job
    replayed: bool


async def copy_item(deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, ref: str, wish: Wish) -> Copied:
    """Copy what one may read to where one may write.

    Raises NotFound, Forbidden, NameInvalid, NameConflict, KindConflict, Cycle, QuotaExceeded, LimitReached, StateConflict for
    a root folder, ValidationFailed for a place that is too deep.
    """
    if ref == ROOT:
        raise StateConflict("The root folder of a drive cannot be copied.")
    wished = accept_name(wish.name) if wish.name is not None else None
    # Asked first: by now the source may be gone and the room taken, and no byte is to be copied again.
    if (known := await known_result(deps.work, claim)) is not None:
        return await _as_answered(deps, principal, origin, known)
    async with deps.work.read() as connection:
        found = await tree.find(connection, ItemId(ref), principal.grantee)
        source = seen(found, principal.grantee, deps.work.clock.now()).at.item
        content = await rows.content_to_copy(connection, source)
    if source.parent_id is None:
        raise StateConflict("The root folder of a drive cannot be copied.")
    target = (await find_item(deps, principal, origin, wish.parent)).require(Rights.WRITE).at.item
    if target.kind != "folder":
        raise KindConflict("Only a folder can hold items.")
    renamed = source._replace(name=wished) if wished is not None else source
    one = _Asked(deps, principal, Source(renamed, content, target.id), wish)
    into_other = source.owner_id != target.owner_id
    if source.kind == "folder" or (into_other and source.size_bytes > AT_ONCE_BYTES):
        result, replayed = await once(deps.work, origin, claim, one.begin)
    else:
        if into_other:
            await one.copy_object()
        result, replayed = await once(deps.work, origin, claim, one.place)
    if one.made is not None:
        return Copied(one.made, replayed)
    return await _as_answered(deps, principal, origin, result)


async def _as_answered(deps: Deps, principal: Principal, origin: Origin, result: dict[str, Any]) -> Copied:
    if "job_id" in result:
        return Copied(await find_job(deps, principal, JobId(result["job_id"])), replayed=True)
    return Copied(await find_item(deps, principal, origin, result["item_id"], in_trash=True), replayed=True)


@dataclass(slots=True)
class _Asked:
    """One request to copy something, on its way through its unit."""

    deps: Deps
    principal: Principal
    source: Source
    wish: Wish
    objects: Any = None
    made: Seen | Job | None = None

    async def copy_object(self) -> None:
        """Copy the bytes of a file into another drive that has room for them. Raises QuotaExceeded, NotFound."""
        async with self.deps.work.read() as connection:
            folder = await tree.locate(connection, self.source.into)
            drive = await drive_of(connection, folder.item.owner_id) if folder else None
        if drive is None:
            raise NotFound
        require_room(drive, self.source.item.size_bytes, self.principal.user_id)
        self.objects = await copied_objects(self.deps, drive.owner_id, [self.source])

    async def place(self, unit: Unit) -> dict[str, Any]:
        """Make the copy of a file."""
        drive, folder = await self._hold(unit)
        objects = shared_objects([self.source]) if self.objects is None else self.objects
        how = Placing(self.principal.user_id, self.wish.conflict, {folder.at.item.id: folder.at}, objects)
        placed = await place(unit, drive, [self.source], how)
        if not placed:
            raise NotFound  # its content was removed for good at this moment
        self.made = await self._seen(unit, placed[0].item.id)
        return {"item_id": placed[0].item.id}

    async def begin(self, unit: Unit) -> dict[str, Any]:
        """Make the folder that is to be the copy, and ask for a job that fills it; or one that copies a large file."""
        drive, folder = await self._hold(unit)
        item, above = self.source.item, folder.at.ids_down_to_it
        arguments = {"source_id": item.id, "target_id": folder.at.item.id, "conflict": self.wish.conflict, "name": item.name}
        owner_id, who = drive.owner_id, self.principal
        if item.kind == "file":
            job = await start_job(unit, self.deps, COPY, owner_id, who, arguments, progress=Progress(total=1))
        else:
            if item.id in above:
                raise Cycle("A folder cannot be copied into itself or below itself.")
            accept_depth(len(above))
            await accept_tree(unit, item.id, above)
            how = Placing(who.user_id, self.wish.conflict, {folder.at.item.id: folder.at})
            [top] = await place(unit, drive, [self.source], how)
            count = await rows.count_below(unit.connection, item.id, COUNTED)
            begun = Progress(
                done=1,
                total=count + 1 if count < COUNTED else None,
                place={"next": 1},
                result={"item_id": top.item.id, "copied": 1, "left_out": 0},
            )
            arguments["top_id"] = top.item.id
            job = await start_job(unit, self.deps, COPY, owner_id, who, arguments, progress=begun)
            await rows.line_up(unit.connection, job.id, [Pair(0, item.id, top.item.id, None)])
        self.made = job
        return {"job_id": job.id}

    async def _hold(self, unit: Unit) -> tuple[Drive, Seen]:
        """The drive, locked, and the folder, held. Raises NotFound, Forbidden."""
        folder = await tree.locate(unit.connection, self.source.into)
        drive = await lock_drive(unit.connection, folder.item.owner_id) if folder else None
        if drive is None:
            raise NotFound
        held = await hold_folder(unit, self.deps, self.principal, self.source.into)
        accept_depth(len(held.at.ids_down_to_it))
        source = await tree.locate(unit.connection, self.source.item.id, self.principal.grantee)
        seen(source, self.principal.grantee, unit.now)
        return drive, held

    async def _seen(self, unit: Unit, item_id: ItemId) -> Seen:
        return seen(await tree.locate(unit.connection, item_id, self.principal.grantee), self.principal.grantee, unit.now)


async def copy_in(unit: Unit, deps: Deps, principal: Principal, item_id: ItemId, wish: Wish) -> dict[str, Any]:
    """As `copy_item`, in a unit that somebody else commits, who has locked the drives: the `item_id` of the copy, or the
    `job_id`. What goes into another drive is always a job, for no bytes are copied while a unit is open.
    """
    wished = accept_name(wish.name) if wish.name is not None else None
    found = await tree.locate(unit.connection, item_id, principal.grantee)
    source = seen(found, principal.grantee, unit.now).at.item
    if source.parent_id is None:
        raise StateConflict("The root folder of a drive cannot be copied.")
    content = await rows.content_to_copy(unit.connection, source)
    target = (await hold_folder(unit, deps, principal, wish.parent)).at.item
    renamed = source._replace(name=wished) if wished is not None else source
    one = _Asked(deps, principal, Source(renamed, content, target.id), wish)
    if source.kind == "folder" or source.owner_id != target.owner_id:
        return await one.begin(unit)
    return await one.place(unit)
