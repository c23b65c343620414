"""Many uploads reported at once: the bucket is asked about all of them, and what has arrived is written down together."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coffer_chassis.blobs import BlobHead
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.problems import document
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UploadId, UserId
from coffer_contracts.problems import NotFound, Problem
from coffer_files.domain import landing
from coffer_files.domain import uploads as rules
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.assembling import bytes_of
from coffer_files.handlers.deps import Deps, on_behalf_of
from coffer_files.handlers.facts import received_fact
from coffer_files.handlers.receiving import go_on
from coffer_files.handlers.upload_batches import Result
from coffer_files.handlers.visitors import is_shown_to, require_link
from coffer_files.store.dispatching import turns
from coffer_files.store.drives import lock_drive
from coffer_files.store.upload_batches import uploads_by_id
from coffer_files.store.uploads import save_all

ASKED_AT_ONCE = 16
"""Questions to the bucket under way."""


async def complete_uploads(
    deps: Deps, principal: Principal, origin: Origin, upload_ids: Sequence[UploadId], *, problem_base: str
) -> list[Result]:
    """The client says that the bytes of these are there; how each stands then, in their order, or why it waits on. May run any
    number of times and at once. Raises NotFound to a visitor whose link takes no files any more.
    """
    async with deps.work.read() as connection:
        await require_link(connection, deps, principal)
        known = await uploads_by_id(connection, set(upload_ids))
    mine = {one.id: one for one in known.values() if is_shown_to(principal, one)}
    turn = asyncio.Semaphore(ASKED_AT_ONCE)
    waiting = [one for one in mine.values() if one.state == "created"]
    heads = await asyncio.gather(*(_asked(deps, one, turn) for one in waiting))
    refused: dict[UploadId, Problem] = {}
    arrived: dict[UserId, dict[UploadId, BlobHead]] = {}
    for one, head in zip(waiting, heads, strict=True):
        if isinstance(head, Problem):
            refused[one.id] = head
        elif head is not None:
            arrived.setdefault(one.owner_id, {})[one.id] = head
    for owner_id, theirs in arrived.items():
        async with deps.work.unit(origin) as unit:
            mine |= await _receive(unit, deps, owner_id, theirs)
    results = []
    for upload_id in upload_ids:
        problem = refused.get(upload_id) or (None if upload_id in mine else NotFound())
        if problem is not None:
            results.append(Result(problem.status, upload_id, None, document(problem, base=problem_base)))
        else:
            results.append(Result(200, upload_id, mine[upload_id]))
    return results


async def _asked(deps: Deps, upload: Upload, turn: asyncio.Semaphore) -> BlobHead | Problem | None:
    async with turn:
        try:
            return await bytes_of(deps, upload)
        except Problem as refusal:
            return refusal


async def _receive(unit: Unit, deps: Deps, owner_id: UserId, heads: Mapping[UploadId, BlobHead]) -> dict[UploadId, Upload]:
    """As `receive_bytes`, for many of one drive. What goes further than to the media worker goes there by itself: that is rare,
    because a verdict comes after the bytes.
    """
    drive = await lock_drive(unit.connection, owner_id)
    current = await uploads_by_id(unit.connection, set(heads), locked=True) if drive else {}
    asked, others_wait = await turns(unit.connection, owner_id, deps.settings.dispatch_per_owner)
    room = 0 if others_wait else deps.settings.dispatch_per_owner - asked
    after: dict[UploadId, Upload] = {}
    together: list[Upload] = []
    for upload_id, before in current.items():
        head = heads[upload_id]
        received = landing.receive(before, head.etag, head.size_bytes, unit.now, sha256=head.sha256)
        if received is before:
            after[upload_id] = before
        elif received.state != "received" or before.parts_hashed:
            # Read anew: what was committed before it has taken some of the room.
            now = await lock_drive(unit.connection, owner_id)
            if now is not None:
                after[upload_id] = await go_on(unit, deps, now, before, received)
        else:
            after[upload_id] = _dispatched(unit, received, room=room)
            room -= 1
            together.append(after[upload_id])
    await save_all(unit.connection, together)
    return after


def _dispatched(unit: Unit, received: Upload, *, room: int) -> Upload:
    """With its question to the media worker, if there is room for it; else it waits for its turn."""
    if room <= 0:
        return received
    asked = rules.dispatch(received, unit.now)
    with on_behalf_of(unit, asked):
        return replace(asked, asked_event_id=unit.emit(received_fact(asked), sequence=asked.revision))
