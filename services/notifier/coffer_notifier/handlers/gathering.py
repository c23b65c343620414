"""Giving notice of several facts at once: "Ana uploaded 40 files to Trips".

Each fact is told to a person once; those that come while the notice is unread make it say more, and the streams tell that. What
comes after it was read or removed begins another one. Mail about it goes out when the span of time is over, and then says all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Meta
from coffer_contracts.ids import EventId, UserId
from coffer_notifier.domain.gathering import Span, gather_key
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.notices import ItemRef, Notice
from coffer_notifier.domain.preferences import Preferences
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import is_kept, is_mailed, mail_about, put_out
from coffer_notifier.store import gathering, preferences
from coffer_notifier.store.gathering import Gathered, Heap

LATE_SECONDS = 60
"""How long mail waits for others when its span was over before the first of them came."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact that one person is to be told of. `place` is what the facts of one notice have in common besides."""

    unit: Unit
    event: Meta
    user_id: UserId
    kind: str
    item: ItemRef
    place: str
    data: tuple[tuple[str, str | None], ...] = ()


async def gather(
    connection: AsyncConnection, deps: Deps, told: Sequence[Happening], wishes: Mapping[UserId, Preferences]
) -> None:
    """Tell people of facts as each of them wishes, together as far as they belong together: by a handful of statements for
    all of them. May run twice.
    """
    wanted = [one for one in told if is_kept(wishes[one.user_id], one.kind)]
    if not wanted:
        return
    known = await gathering.known_facts(connection, [(one.user_id, one.event.id) for one in wanted])
    length = timedelta(minutes=deps.settings.gather_minutes)
    heaps: dict[tuple[str, str], tuple[Heap, Happening, Span]] = {}
    for one in wanted:
        if (one.user_id, one.event.id) in known:
            continue
        span = Span.of(one.event.time, length)
        key = gather_key(one.kind, one.event.actorid, one.place, span)
        notice = _notice(one, in_app=wishes[one.user_id].by(one.kind).in_app)
        before = heaps.get((one.user_id, key))
        heaps[one.user_id, key] = (_joined(before[0] if before else None, key, notice, one.event.id), one, span)
    found = await gathering.add(connection, [heap for heap, _, _ in heaps.values()])
    waiting = []
    for each in found:
        _, one, span = heaps[each.heap.place]
        if each.is_new and is_mailed(wishes[one.user_id], one.kind):
            trail = Trail(one.unit.origin.traceparent, one.unit.origin.correlation_id)
            mail = mail_about(deps, each.heap.notice, each.notice_id, trail, one.unit)
            waiting.append(replace(mail, not_before=max(span.end, one.unit.now + timedelta(seconds=LATE_SECONDS))))
    unit = told[0].unit
    for topic in await put_out(connection, [(each.notice_id, _shown(each)) for each in found], waiting, unit):
        unit.wake(topic)


async def gather_all(connection: AsyncConnection, batch: Sequence[tuple[Unit, tuple[Happening, Deps]]]) -> None:
    """The same for facts that share a transaction. A step of `Unit.together`; may run twice."""
    told = [one for _, (one, _) in batch]
    await gather(connection, batch[0][1][1], told, await preferences.of_people(connection, {one.user_id for one in told}))


def _shown(gathered: Gathered) -> Notice:
    return gathered.heap.notice


def _notice(one: Happening, *, in_app: bool) -> Notice:
    at = one.event.time
    return Notice(
        new_id(),
        one.user_id,
        one.kind,
        one.event.actorid,
        one.item,
        None,
        dict(one.data),
        at,
        first_at=at,
        in_app=in_app,
    )


def _joined(before: Heap | None, key: str, notice: Notice, event_id: EventId) -> Heap:
    if before is None:
        return Heap(key, notice, frozenset({event_id}))
    newer, older = (notice, before.notice) if notice.created_at >= before.notice.created_at else (before.notice, notice)
    first = min(filter(None, (newer.first_at, older.first_at)))
    return Heap(key, replace(newer, first_at=first), before.facts | {event_id})
