"""Giving notice: what a fact leaves behind for people who are told of it. A notice, a row of the stream, and a mail that waits,
each by what the person wants at that moment.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Meta
from coffer_contracts.ids import ShareId, UserId
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.mails import NOTICE, message_id_at
from coffer_notifier.domain.notices import WITH_OWN_LETTER, ItemRef, Notice
from coffer_notifier.domain.preferences import Preferences
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.telling import MAIL, NOTIFICATIONS, STREAM
from coffer_notifier.store import mails, notices, preferences, stream
from coffer_notifier.store.mails import Waiting


async def give_notice(
    unit: Unit,
    deps: Deps,
    event: Meta,
    user_id: UserId,
    kind: str,
    item: ItemRef | None,
    data: Mapping[str, Any],
    *,
    share_id: ShareId | None = None,
) -> bool:
    """Tell a person of a fact, once, however often the fact comes; whether it is new and they want to know of it."""
    return bool(await give_notices(unit, deps, event, {user_id: kind}, item, data, share_id=share_id))


async def give_notices(
    unit: Unit,
    deps: Deps,
    event: Meta,
    told: Mapping[UserId, str],
    item: ItemRef | None,
    data: Mapping[str, Any],
    *,
    share_id: ShareId | None = None,
    once: str | None = None,
) -> list[Notice]:
    """Tell several people of a fact, each by a kind of notice, by a handful of statements however many they are; the notices
    that are new. `once` is what several facts say: whoever was told of it by one of them is not told by another.
    """
    if not told:
        return []
    wishes = await preferences.of_people(unit.connection, told)
    wanted = [
        Notice(
            new_id(),
            user_id,
            kind,
            event.actorid,
            item,
            share_id,
            data,
            event.time,
            in_app=wishes[user_id].by(kind).in_app,
        )
        for user_id, kind in told.items()
        if is_kept(wishes[user_id], kind)
    ]
    new = await notices.add_all(unit.connection, wanted, once or event.id)
    trail = Trail(unit.origin.traceparent, unit.origin.correlation_id)
    waiting = [mail_about(deps, one, one.id, trail, unit) for one in new if is_mailed(wishes[one.user_id], one.type)]
    topics = await put_out(unit.connection, [(one.id, one) for one in new], waiting, unit)
    for topic in topics:
        unit.wake(topic)
    return new


def is_mailed(wishes: Preferences, kind: str) -> bool:
    """Whether the person wants mail that is made from a notice of this kind."""
    return kind not in WITH_OWN_LETTER and wishes.by(kind).email


def is_kept(wishes: Preferences, kind: str) -> bool:
    """Whether there is to be a notice at all: to be shown, or for a mail to be made from."""
    return wishes.by(kind).in_app or is_mailed(wishes, kind)


def mail_about(deps: Deps, notice: Notice, notice_id: str, trail: Trail, unit: Unit, *, nth: str = "") -> Waiting:
    """The mail that says what a notice says, not before the unit's time."""
    mail_id = new_id()
    return Waiting(
        mail_id=mail_id,
        event_id=f"notice/{notice_id}{nth}",
        user_id=notice.user_id,
        kind=NOTICE,
        data={"notice_id": notice_id, "notice": notice.type, "by": _other(notice)},
        message_id=message_id_at(mail_id, deps.public_url),
        not_before=unit.now,
        trail=trail,
    )


def _other(notice: Notice) -> str | None:
    """Who did what it is about, if that is somebody else than its reader."""
    return notice.actor_id if notice.actor_id != notice.user_id else None


async def put_out(
    connection: AsyncConnection, told: Sequence[tuple[str, Notice]], waiting: Sequence[Waiting], unit: Unit
) -> list[str]:
    """Rows of the streams for those of the notices that are shown, and the mails; the topics that are to be woken."""
    rows = [stream.Told(one.user_id, NOTIFICATIONS, "notification", {"notice_id": key}) for key, one in told if one.in_app]
    await stream.add(connection, rows, unit.now)
    await mails.queue_all(connection, waiting, unit.now)
    return [*([STREAM] if rows else []), *([MAIL] if waiting else [])]
