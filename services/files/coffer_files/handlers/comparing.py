"""One page of a comparison between bucket and store: what is there, what should be, and what is to be done about it.

The bucket is read before the store, and whatever looks wrong is asked again: things come and go while a run goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any

from coffer_chassis.blobs import LISTED_AT_ONCE, Listed
from coffer_chassis.origin import Origin
from coffer_contracts.event import rfc3339
from coffer_files.domain import reconciling as rules
from coffer_files.domain.reconciling import Counts, Found, Kind, Place, Run, Sample, Stored
from coffer_files.handlers.deps import Deps
from coffer_files.store import references
from coffer_files.store.drives import lock_drive

PAGE = LISTED_AT_ONCE
AT_ONCE = 16
"""Questions to the bucket under way."""

Save = Callable[[Any, Run], Awaitable[None]]
"""Writes down, on a connection, how far a run has come."""


async def compare_page(deps: Deps, run: Run, save: Save) -> Run:
    """Compare the next page of objects and rows; the run after it. Orphans that are doomed are counted in the transaction
    that dooms them, so a crash neither forgets nor doubles any. The caller saves the rest.
    """
    prefix, after = run.place.prefix, run.place.after
    listed = await deps.blobs.listed(prefix, after=after, limit=PAGE)
    upto = listed[-1].key if len(listed) == PAGE else None
    async with deps.work.read() as connection:
        stored = await references.stored_between(connection, after=after, upto=upto, below=prefix, limit=PAGE)
    if len(stored) == PAGE:
        # The rows reach less far than the objects: what lies behind them is compared with the next page.
        upto = stored[-1].key
        listed = [one for one in listed if one.key <= upto]
    comparison = rules.compared([found_as(one) for one in listed], stored)
    page = _Page(Counts(objects=len(listed), object_bytes=sum(one.size_bytes for one in listed), rows=len(stored)))
    page.add(sound=len(comparison.sound))
    await _missing(deps, page, comparison.only_stored)
    await _mismatched(deps, page, comparison.mismatched)
    orphans = await _unreferred(deps, run, page, comparison.only_found)
    run = await _orphans(deps, run, orphans, save)
    counts, samples = run.counts + page.counts, run.samples
    for kind, found in page.samples:
        samples = rules.with_samples(samples, kind, await _described(deps, kind, found, samples))
    return replace(run, counts=counts, samples=samples, place=next_place(run, upto), attempts=0)


@dataclass
class _Page:
    """What was seen on one page."""

    counts: Counts

    def __post_init__(self) -> None:
        self.samples: list[tuple[Kind, list[tuple[Stored, Found | None]]]] = []

    def add(self, **more: int) -> None:
        self.counts += Counts(**more)


def found_as(one: Listed) -> Found:
    """An object of a listing."""
    return Found(one.key, one.size_bytes, one.etag, one.modified_at)


def next_place(run: Run, upto: str | None) -> Place:
    """Behind the page; at the end of a prefix the next one, and an empty prefix at the end of all."""
    if upto is not None:
        return Place(run.place.prefix, upto)
    rest = run.prefixes[run.prefixes.index(run.place.prefix) + 1 :]
    return Place(rest[0] if rest else "")


async def _missing(deps: Deps, page: _Page, rows: Sequence[Stored]) -> None:
    """Rows whose object was not listed: it may have come since, and the row may have gone since."""
    if not rows:
        return
    now_there = await looked_for(deps, [row.key for row in rows])
    there = [(one, row) for one, row in zip(now_there, rows, strict=True) if one is not None]
    page.add(sound=sum((one.size_bytes, one.etag) == (row.size_bytes, row.etag) for one, row in there))
    await _mismatched(
        deps, page, [(one, row) for one, row in there if (one.size_bytes, one.etag) != (row.size_bytes, row.etag)]
    )
    gone = await _still_stored(deps, [row for one, row in zip(now_there, rows, strict=True) if one is None])
    page.add(missing=len(gone), missing_bytes=sum(row.size_bytes for row in gone))
    page.samples.append(("missing", [(row, None) for row in gone]))


async def looked_for(deps: Deps, keys: Iterable[str]) -> list[Found | None]:
    """What lies under each of the keys at this moment."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(key: str) -> Found | None:
        async with turn:
            head = await deps.blobs.head(key)
        return Found(key, head.size_bytes, head.etag, head.modified_at) if head else None

    return await asyncio.gather(*map(look, keys))


async def _mismatched(deps: Deps, page: _Page, pairs: Sequence[tuple[Found, Stored]]) -> None:
    if not pairs:
        return
    still = {row.key for row in await _still_stored(deps, [row for _, row in pairs])}
    wrong = [(one, row) for one, row in pairs if row.key in still]
    page.add(mismatched=len(wrong), mismatched_bytes=sum(row.size_bytes for _, row in wrong))
    page.samples.append(("mismatched", [(row, one) for one, row in wrong]))


async def _still_stored(deps: Deps, rows: Sequence[Stored]) -> list[Stored]:
    if not rows:
        return []
    async with deps.work.read() as connection:
        still = await references.still_stored(connection, [row.key for row in rows])
    return [row for row in rows if row.key in still]


async def _unreferred(deps: Deps, run: Run, page: _Page, found: Sequence[Found]) -> list[Found]:
    """Objects that belong to nothing: those that are neither young nor on their way in or out."""
    if not found:
        return []
    async with deps.work.read() as connection:
        referred = await references.references(connection, [one.key for one in found])
    now, grace = deps.work.clock.now(), timedelta(seconds=run.grace_seconds)
    orphans: list[Found] = []
    for one in found:
        reference = referred.get(one.key)
        if reference == "stored":
            page.add(sound=1)  # committed since the rows were read
        elif reference is not None:
            page.add(**{reference: 1})
        elif rules.is_kept_in_quarantine(one, now, grace):
            page.add(quarantined=1)
        elif rules.is_young(one, now, grace):
            page.add(young=1)
        else:
            orphans.append(one)
    # What was listed on its way out may be gone by now, and with it the row that said so.
    ours = [one.key for one in orphans if rules.is_ours(one.key)]
    gone = {key for key, there in zip(ours, await looked_for(deps, ours), strict=True) if there is None}
    page.add(doomed=len(gone))
    return [one for one in orphans if one.key not in gone]


async def _orphans(deps: Deps, run: Run, orphans: Sequence[Found], save: Save) -> Run:
    """Count orphans, and have them deleted if that is wanted: drive by drive, each looked at again under its lock."""
    ours = [one for one in orphans if rules.is_ours(one.key)]
    foreign = [one for one in orphans if not rules.is_ours(one.key)]
    if not run.repair:
        return with_orphans(run, orphans, foreign=len(foreign))
    for owner_id, group in groupby(ours, key=lambda one: rules.owner_of(one.key)):
        found = list(group)
        async with deps.work.unit(Origin(run.actor_id, run.actor_kind, run.id)) as unit:
            if owner_id is not None:
                await lock_drive(unit.connection, owner_id)
            referred = await references.references(unit.connection, [one.key for one in found], locked=True)
            lost = [one for one in found if one.key not in referred]
            run = with_orphans(run, lost, repaired=len(lost), repaired_bytes=sum(one.size_bytes for one in lost))
            if lost:
                await references.doom_orphans(unit.connection, [one.key for one in lost], unit.now)
                await save(unit.connection, run)
    # Last: what was saved above is not counted once more when the page is compared again after a crash.
    return with_orphans(run, foreign, foreign=len(foreign))


def with_orphans(run: Run, found: Sequence[Found], **more: int) -> Run:
    """The run with some orphans counted and shown."""
    counts = Counts(orphans=len(found), orphan_bytes=sum(one.size_bytes for one in found), **more)
    shown = [
        {"key": _readable(one.key), "size_bytes": one.size_bytes, "modified_at": rfc3339(one.modified_at)}
        for one in found[: rules.SAMPLES]
    ]
    return replace(run, counts=run.counts + counts, samples=rules.with_samples(run.samples, "orphans", shown))


async def _described(
    deps: Deps, kind: Kind, found: Iterable[tuple[Stored, Found | None]], known: rules.Samples
) -> list[Sample]:
    """What is shown of findings, with the files concerned, as far as there is room for more."""
    chosen = list(found)[: rules.SAMPLES - len(known.get(kind, []))]
    if not chosen:
        return []
    async with deps.work.read() as connection:
        items = await references.items_of(connection, [row.blob_id for row, _ in chosen])
    return [
        {
            "key": row.key,
            "owner_id": row.owner_id,
            "item_ids": items.get(row.blob_id, []),
            "size_bytes": row.size_bytes,
            "etag": row.etag,
            **({"found_size_bytes": one.size_bytes, "found_etag": one.etag} if one else {}),
        }
        for row, one in chosen
    ]


def _readable(key: str) -> str:
    return key if key.isprintable() else key.encode("unicode_escape").decode()
