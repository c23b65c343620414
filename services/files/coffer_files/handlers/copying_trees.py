"""Copying a folder with everything below it: a page of children a step, the folders of a level before those of the next.

What a step finds when it comes by is copied: what was put in, moved out or trashed before that counts. The folder that is the
copy is never gone into, so a tree ends, wherever it is moved meanwhile. Rights are asked for at each page, of the whole and of
each folder; a folder inside that is gone or out of reach is left out, and the job goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Forbidden, NotFound
from coffer_files.domain.copying import Pair, Source, with_room
from coffer_files.domain.items import Located, accept_depth
from coffer_files.domain.jobs import Job, Progress
from coffer_files.domain.locks import covering, in_the_way
from coffer_files.domain.names import name_key
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.jobs import reach, step_unit
from coffer_files.handlers.objects import copied_objects, shared_objects
from coffer_files.handlers.placing import Placed, Placing, place
from coffer_files.handlers.room import require_room
from coffer_files.handlers.sight import locked, seen_by
from coffer_files.store import copying as rows
from coffer_files.store.drives import Drive, drive_of, lock_drive
from coffer_files.store.grants import given_to, locate_many
from coffer_files.store.locks import locks_among

PAGE = 200
"""Items that one step copies within a drive."""

FOLDERS = 100
"""Folders whose children one step looks at."""

COPIED_PAGE = 20
COPIED_BYTES = 2 * 1024**3
"""Items, and bytes of all but the first, that one step copies into another drive."""


class FoldersChanged(Exception):
    """A folder that the page goes into was trashed, moved or shared otherwise while the step ran: the next try sees that."""


async def copy_some(deps: Deps, job: Job) -> Progress:
    """Copy the next page of a tree, or the one large file that the job is about."""
    async with deps.work.read() as connection:
        page = await _look(connection, job, deps.work.clock.now())
        drive = await drive_of(connection, page.target.item.owner_id)
    if drive is None:
        raise NotFound
    if page.into_other:
        page = page.cut(_few(page.sources))
    page = page.cut(_affordable(page, drive, job))
    if page.into_other:
        objects = await copied_objects(deps, drive.owner_id, page.sources)
    else:
        objects = shared_objects(page.sources)
    async with step_unit(deps, job) as unit:
        locked = await lock_drive(unit.connection, drive.owner_id)
        if locked is None:
            raise NotFound
        await _still(unit.connection, job, page, unit.now)
        how = Placing(job.asked_by, job.arguments["conflict"], page.folders, objects)
        placed = await place(unit, locked, page.sources, how)
        reached = await _advance(unit.connection, job, page, placed)
        return await reach(unit, job, reached)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a step copies. `left_out` are folders that are out of reach by now; `is_last` says that nothing else lies in the
    folders of this page.
    """

    target: Located
    pairs: Sequence[Pair]
    left_out: Sequence[Pair]
    folders: Mapping[ItemId, Located]
    sources: Sequence[Source]
    is_last: bool
    into_other: bool

    def cut(self, sources: Sequence[Source]) -> "_Page":
        """Only the first of its sources."""
        return replace(self, sources=sources, is_last=self.is_last and len(sources) == len(self.sources))


async def _look(connection: AsyncConnection, job: Job, now: datetime) -> _Page:
    """The next page, as whoever asked for the job may read and write it. Raises NotFound, Forbidden, Locked."""
    arguments = job.arguments
    top_id = ItemId(arguments.get("top_id") or arguments["target_id"])
    source_id = ItemId(arguments["source_id"])
    pairs = await rows.first_pairs(connection, job.id, FOLDERS) if "top_id" in arguments else []
    wanted = {source_id, top_id, *(pair.source_id for pair in pairs), *(pair.target_id for pair in pairs)}
    located = await _reachable(connection, job, wanted, now)
    source, target = located.get(source_id), located.get(top_id)
    if source is None:
        raise NotFound("What was being copied is no longer there, or no longer for you.")
    if target is None:
        raise NotFound("The folder that the copy went into is no longer there, or no longer for you.")
    if Rights.WRITE not in target.rights:
        raise Forbidden("You may no longer write where the copy goes.")
    good = [pair for pair in pairs if pair.source_id in located and _writable(located, pair.target_id)]
    for pair in good:
        accept_depth(len(located[pair.target_id].at.ids_down_to_it))
    folders = {pair.target_id: located[pair.target_id].at for pair in good} | {top_id: target.at}
    await _require_unlocked(connection, job, folders.values(), now)
    into_other = source.at.item.owner_id != target.at.item.owner_id
    limit = COPIED_PAGE if into_other else PAGE
    if "top_id" in arguments:
        sources = await rows.children_to_copy(connection, good, never=top_id, limit=limit) if good else []
    else:
        limit = 2
        file = source.at.item._replace(name=arguments["name"])
        sources = [Source(file, await rows.content_to_copy(connection, file), top_id)]
    left_out = [pair for pair in pairs if pair not in good]
    return _Page(target.at, pairs, left_out, folders, sources, len(sources) < limit, into_other)


@dataclass(frozen=True, slots=True)
class _Reached:
    """A living item with what whoever asked may do with it."""

    at: Located
    rights: Rights


async def _require_unlocked(connection: AsyncConnection, job: Job, folders: Iterable[Located], now: datetime) -> None:
    """Raises Locked if somebody keeps whoever asked for the job from putting something into one of the folders."""
    folders = tuple(folders)
    found = await locks_among(connection, list({item_id for folder in folders for item_id in folder.ids_down_to_it}))
    for folder in folders if found else ():
        holding = covering(found, folder.item.id, folder.ancestor_ids, now)
        if (lock := in_the_way(holding, f"user/{job.asked_by}")) is not None:
            raise locked(lock)


async def _reachable(connection: AsyncConnection, job: Job, wanted: set[ItemId], now: datetime) -> dict[ItemId, _Reached]:
    """Those of the items that live and that whoever asked for the job may see."""
    grantee = f"user/{job.asked_by}"
    given = [one for one, _ in await given_to(connection, grantee)]
    found = await locate_many(connection, wanted, given)
    known: dict[ItemId, _Reached] = {}
    for item_id, at in found.items():
        one = seen_by(at, grantee, now) if at.is_live else None
        if one is not None:
            known[item_id] = _Reached(at, one.rights)
    return known


def _writable(located: Mapping[ItemId, _Reached], item_id: ItemId) -> bool:
    return item_id in located and Rights.WRITE in located[item_id].rights


def _few(sources: Sequence[Source]) -> Sequence[Source]:
    """As many as fit into a step that copies bytes; one at least."""
    return with_room(sources, COPIED_BYTES) or sources[:1]


def _affordable(page: _Page, drive: Drive, job: Job) -> Sequence[Source]:
    """As many as the drive has room for. Raises QuotaExceeded when that is none."""
    fitting = with_room(page.sources, drive.free_bytes)
    if page.sources and not fitting:
        require_room(drive, page.sources[0].item.size_bytes, job.asked_by)
    return fitting


async def _still(connection: AsyncConnection, job: Job, page: _Page, now: datetime) -> None:
    """Hold the folders of the page, and ask again for rights on them. Raises FoldersChanged, Locked."""
    used = {source.into for source in page.sources}
    if not used:
        return
    held = await rows.hold_living(connection, used)
    source_ids = {pair.source_id for pair in page.pairs if pair.target_id in used} | {ItemId(job.arguments["source_id"])}
    located = await _reachable(connection, job, used | source_ids, now)
    same = all(folder in located and located[folder].at.ancestor_ids == page.folders[folder].ancestor_ids for folder in used)
    if held != used or not same or not source_ids <= located.keys() or not all(_writable(located, one) for one in used):
        raise FoldersChanged(job.id)
    await _require_unlocked(connection, job, [located[folder].at for folder in used], now)


async def _advance(connection: AsyncConnection, job: Job, page: _Page, placed: Sequence[Placed]) -> Progress:
    """Write down which folders come next; how far the job is then."""
    size = sum(one.item.size_bytes for one in placed)
    ended = [pair for pair in page.pairs if page.is_last or pair.position < page.sources[-1].position]
    lost = len(page.sources) - len(placed) + sum(pair in page.left_out for pair in ended)
    before: dict[str, Any] = job.result or {"copied": 0, "left_out": 0}
    result = {**before, "copied": before["copied"] + len(placed), "left_out": before["left_out"] + lost}
    progress = replace(job.progress, done=job.done + len(placed), size_bytes=job.size_bytes + size, result=result)
    if "top_id" not in job.arguments:
        made = {"item_id": placed[0].item.id} if placed else {}
        if not placed:
            raise NotFound("What was being copied is no longer there.")
        return replace(progress, result=result | made, finished=True)
    following = int(job.place["next"])
    below = [one for one in placed if one.item.kind == "folder"]
    new = [Pair(following + number, one.source.item.id, one.item.id, None) for number, one in enumerate(below)]
    await rows.line_up(connection, job.id, new)
    if not page.is_last:
        last = page.sources[-1]
        await rows.remember_child(connection, job.id, last.position, name_key(last.item.name))
    await rows.leave_line(connection, job.id, [pair.position for pair in ended])
    is_over = page.is_last and not new and len(page.pairs) < FOLDERS
    total = progress.done if is_over else progress.total
    return replace(progress, total=total, place={"next": following + len(new)}, finished=is_over)
