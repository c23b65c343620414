"""Holds the audit against its chain: every entry must be what was written, where it was written. Reads all of it, a page at a
time.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_notifier.domain.audit import Head, chain_hash, digest_of, record_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import audit_chain
from coffer_notifier.store.audit_chain import Found

PAGE = 500
MOST_STRAYS = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written."""

    kind: str
    """`removed`, `changed`, `out_of_place`, `inserted`, `anchor`."""
    position: int | None
    entry_id: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Known:
    """A head of the chain that somebody kept elsewhere."""

    position: int
    hash: str


@dataclass
class Verified:
    """How far the check has come; at its end what was checked in all."""

    begins: Head
    head: Head
    entries: int = 0
    waiting: int = 0


async def verify(deps: Deps, known: Sequence[Known], seen: Verified | None = None) -> AsyncIterator[Fault]:
    """Everything that is not as it was written. `seen` is told how far it came. May run at any time: what is chained meanwhile
    is left for the next time.
    """
    seen = seen or Verified(Head(), Head())
    async with deps.work.read() as connection:
        seen.begins = await audit_chain.beginning(connection)
        until = await audit_chain.head(connection)
    at = seen.begins
    while True:
        async with deps.work.read() as connection:
            rows = await audit_chain.found_after(connection, at.position, PAGE)
            begins = await audit_chain.beginning(connection)
        if begins.position > at.position:
            # What comes next was forgotten meanwhile.
            seen.begins = at = begins
            continue
        for row in rows:
            for fault in _faults(row, at):
                yield fault
            at = Head(row.link.position, row.link.hash)
            seen.entries += 1
        if len(rows) < PAGE or at.position >= until.position:
            break
    seen.head = at
    async with deps.work.read() as connection:
        for entry_id in await audit_chain.strays(connection, MOST_STRAYS):
            yield Fault("inserted", None, entry_id, "stands in the audit and was never chained")
        seen.waiting = await audit_chain.count_waiting(connection)
        async for fault in _unfit_anchors(connection, known, seen.begins):
            yield fault


def _faults(row: Found, before: Head) -> list[Fault]:
    link, faults = row.link, []
    if link.position != before.position + 1:
        gap = range(before.position + 1, link.position)
        span = f"{gap[0]}" if len(gap) == 1 else f"{gap[0]} to {gap[-1]}"
        faults.append(Fault("removed", gap[0], None, f"nothing stands at {span}"))
    elif link.prev_hash != before.hash:
        faults.append(Fault("out_of_place", link.position, row.entry_id, "does not follow what stands before it"))
    if link.hash != chain_hash(link.position, link.prev_hash, link.digest):
        faults.append(Fault("out_of_place", link.position, row.entry_id, "was not written at this place"))
    if row.entry is None:
        faults.append(Fault("removed", link.position, row.entry_id, "the entry is gone"))
    elif digest_of(record_of(row.entry)) != link.digest:
        faults.append(Fault("changed", link.position, row.entry_id, "does not say what was written"))
    return faults


async def _unfit_anchors(connection: AsyncConnection, known: Sequence[Known], begins: Head) -> AsyncIterator[Fault]:
    day = None
    while own := await audit_chain.anchors_before(connection, day, PAGE):
        for fault in await _unfit(connection, [(one.position, one.hash, f"of {one.day}") for one in own], begins):
            yield fault
        day = own[-1].day
    for fault in await _unfit(connection, [(one.position, one.hash, "that was given") for one in known], begins):
        yield fault


async def _unfit(connection: AsyncConnection, heads: Sequence[tuple[int, str, str]], begins: Head) -> list[Fault]:
    found = await audit_chain.hashes_at(connection, [position for position, _, _ in heads])
    faults = []
    for position, expected, which in heads:
        if position in found and found[position] != expected:
            faults.append(Fault("anchor", position, None, f"the anchor {which} has another hash"))
        elif position not in found and position > begins.position:
            faults.append(Fault("anchor", position, None, f"the anchor {which} is not reached"))
    return faults
