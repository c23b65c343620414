"""One page of a comparison below `previews/`, which the media worker writes: what belongs to no stored object is an orphan, and
pictures that are told of and are not there are asked for again.

Objects and rows are gone through together, by stored object. Pictures may be made anew at any time, so only whether they are
there counts. What else was made of an object that is stored is sound whatever it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from coffer_chassis.blobs import LISTED_AT_ONCE, Listed
from coffer_chassis.origin import Origin
from coffer_contracts.ids import BlobId
from coffer_files.domain import reconciling as rules
from coffer_files.domain.content import quarantine_key
from coffer_files.domain.reconciling import PREVIEWS, Counts, Found, Run, blob_of_preview
from coffer_files.handlers.comparing import Save, found_as, looked_for, next_place, with_orphans
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.preview_requests import ask_anew
from coffer_files.store import preview_pictures as rows
from coffer_files.store import references
from coffer_files.store.drives import lock_drive
from coffer_files.store.preview_pictures import Shown

PAGE = LISTED_AT_ONCE
LISTINGS_OF_ONE = 10
"""Pages of a listing that are read of what was made of one object, beyond the first: more than Coffer ever makes."""

FIRST = BlobId("00000000-0000-0000-0000-000000000000")


async def compare_previews(deps: Deps, run: Run, save: Save) -> Run:
    """Compare the next page; the run after it. The caller saves it; may run again from where it was saved last."""
    after, _, last_blob = run.place.after.rpartition("|")
    listed = await deps.blobs.listed(PREVIEWS, after=after, limit=PAGE)
    begin = BlobId(last_blob) if last_blob else FIRST
    upto = None
    if len(listed) == PAGE:
        listed = await _whole_objects(deps, listed)
        upto = _last_blob(listed, begin)
    async with deps.work.read() as connection:
        shown = await rows.shown_behind(connection, begin, upto, limit=PAGE)
    if len(shown) == PAGE:
        # The rows reach less far than the objects: what lies behind them is compared with the next page.
        upto = shown[-1].blob_id
        listed = [one for one in listed if one.key < f"{PREVIEWS}{upto}0"]
    size = sum(one.size_bytes for one in listed)
    counts = Counts(objects=len(listed), object_bytes=size, rows=sum(len(one.keys) for one in shown))
    counts, orphans = await _sorted_out(deps, run, counts, [found_as(one) for one in listed])
    lost = await _lost(deps, shown, {one.key for one in listed})
    asked = await _ask_again(deps, run, lost) if _may_ask(run) else 0
    run = await _orphans(deps, run, orphans, save)
    counts += Counts(lost_previews=len(lost), asked_again=asked)
    place = next_place(run, f"{_end(listed, upto, after)}|{upto}" if upto is not None else None)
    return replace(run, counts=run.counts + counts, place=place, attempts=0)


async def _whole_objects(deps: Deps, listed: Sequence[Listed]) -> list[Listed]:
    """A page without what was made of its last object, of which more may follow. Where it holds one object alone, a document
    whose pages were looked at, it goes on to the end of that.
    """
    last = _group(listed[-1].key)
    whole = [one for one in listed if _group(one.key) != last]
    if whole or blob_of_preview(listed[-1].key) is None:
        return whole or list(listed)
    whole = list(listed)
    for _ in range(LISTINGS_OF_ONE):
        more = await deps.blobs.listed(f"{PREVIEWS}{last}/", after=whole[-1].key, limit=PAGE)
        whole += more
        if len(more) < PAGE:
            break
    return whole


def _group(key: str) -> str:
    return key.removeprefix(PREVIEWS).partition("/")[0]


def _last_blob(listed: Sequence[Listed], otherwise: BlobId) -> BlobId:
    """Up to where rows are compared with a page: the last object of ours in it."""
    return next((blob for one in reversed(listed) if (blob := blob_of_preview(one.key))), otherwise)


def _end(listed: Sequence[Listed], upto: BlobId, after: str) -> str:
    """Behind which key the next page begins: all of an object, and keys of somebody else that follow it."""
    return max([f"{PREVIEWS}{upto}0", after, *(one.key for one in listed[-1:])])


def _may_ask(run: Run) -> bool:
    """By the clock always, since nothing is taken away by it; an operator says whether they only want to look."""
    return run.repair or run.actor_kind == "system"


async def _sorted_out(deps: Deps, run: Run, counts: Counts, found: Sequence[Found]) -> tuple[Counts, list[Found]]:
    """What there is, counted; and the orphans among it."""
    blobs = {blob for one in found if (blob := blob_of_preview(one.key))}
    async with deps.work.read() as connection:
        stored = await rows.stored_among(connection, blobs)
        unknown = [one for one in found if blob_of_preview(one.key) not in stored]
        referred = await _references(connection, [one.key for one in unknown])
    counts += Counts(sound=len(found) - len(unknown))
    now, grace = deps.work.clock.now(), timedelta(seconds=run.grace_seconds)
    orphans = []
    for one in unknown:
        if (reference := referred.get(one.key)) is not None:
            counts += Counts(**{reference: 1})
        elif rules.is_young(one, now, grace):
            counts += Counts(young=1)
        else:
            orphans.append(one)
    gone = {
        one.key for one, there in zip(orphans, await looked_for(deps, [one.key for one in orphans]), strict=True) if not there
    }
    return counts + Counts(doomed=len(gone)), [one for one in orphans if one.key not in gone]


async def _references(connection: rows.Connection, keys: Sequence[str], *, locked: bool = False) -> dict[str, str]:
    """Which of them are on their way out, or belong to an upload that may still become a file."""
    uploads = {key: quarantine_key(blob) for key in keys if (blob := blob_of_preview(key))}
    known = await references.references(connection, [*keys, *uploads.values()], locked=locked)
    found = {key: "under_way" for key, named in uploads.items() if known.get(named) == "under_way"}
    return {**{key: known[key] for key in keys if key in known}, **found}


async def _orphans(deps: Deps, run: Run, orphans: Sequence[Found], save: Save) -> Run:
    """Count orphans, and have them deleted if that is wanted."""
    ours = [one for one in orphans if blob_of_preview(one.key)]
    foreign = [one for one in orphans if not blob_of_preview(one.key)]
    if ours and run.repair:
        async with deps.work.unit(Origin(run.actor_id, run.actor_kind, run.id)) as unit:
            referred = await _references(unit.connection, [one.key for one in ours], locked=True)
            stored = await rows.stored_among(unit.connection, {BlobId(_group(one.key)) for one in ours})
            lost = [one for one in ours if one.key not in referred and _group(one.key) not in stored]
            run = with_orphans(run, lost, repaired=len(lost), repaired_bytes=sum(one.size_bytes for one in lost))
            if lost:
                await references.doom_orphans(unit.connection, [one.key for one in lost], unit.now)
                await save(unit.connection, run)
    elif ours:
        run = with_orphans(run, ours)
    return with_orphans(run, foreign, foreign=len(foreign))


async def _lost(deps: Deps, shown: Sequence[Shown], there: set[str]) -> list[BlobId]:
    """Objects of which pictures are told that are not there; each was looked for once more, and is still told of."""
    absent = [key for one in shown for key in one.keys if key not in there]
    if not absent:
        return []
    gone = {key for key, found in zip(absent, await looked_for(deps, absent), strict=True) if found is None}
    suspects = [one.blob_id for one in shown if gone.intersection(one.keys)]
    async with deps.work.read() as connection:
        still = await rows.shown_of(connection, suspects)
    return [one.blob_id for one in still if gone.intersection(one.keys)]


async def _ask_again(deps: Deps, run: Run, lost: Sequence[BlobId]) -> int:
    """Have the previews made anew of every version that shows what is gone; how many were asked for."""
    async with deps.work.read() as connection:
        versions = await rows.versions_showing(connection, lost) if lost else []
    asked = 0
    for owner_id, group in groupby(versions, key=lambda one: one[1]):
        async with deps.work.unit(Origin(run.actor_id, run.actor_kind, run.id)) as unit:
            drive = await lock_drive(unit.connection, owner_id)
            if drive is not None:
                asked += await ask_anew(unit, drive, [version_id for version_id, _ in group])
    return asked
