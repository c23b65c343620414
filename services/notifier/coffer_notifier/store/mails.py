"""Mail on its way: rows that are claimed, sent outside of any transaction, and settled with what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, InvitationId, UserId
from coffer_notifier.domain.letters import NOWHERE, Letter, Trail
from coffer_notifier.domain.mails import INVITATION, PRIVATE_KINDS, MailState
from coffer_notifier.store.tables import WAITING, mails


@dataclass(frozen=True, slots=True)
class Mail:
    """A row. Until it is composed for the first time there is no letter."""

    id: str
    user_id: UserId
    kind: str
    data: Mapping[str, Any]
    message_id: str
    letter: Letter | None
    to_address: str | None
    subject: str | None
    state: MailState
    attempts: int
    not_before: datetime
    created_at: datetime
    ended_at: datetime | None
    ses_id: str | None
    last_error: str | None
    trail: Trail = NOWHERE


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that is to go out, not before its time."""

    mail_id: str
    event_id: str
    user_id: UserId
    kind: str
    data: Mapping[str, Any]
    message_id: str
    not_before: datetime
    trail: Trail = NOWHERE


_queue = insert(mails).on_conflict_do_nothing(constraint="mails_once")


async def queue_all(connection: AsyncConnection, waiting: Sequence[Waiting], now: datetime) -> None:
    """Write down that mails are to go out; none that was for that person and fact before. May run twice."""
    if waiting:
        await connection.execute(_queue, [_row(one, now) for one in waiting])


def _row(mail: Waiting, now: datetime) -> dict[str, Any]:
    return {
        "id": mail.mail_id,
        "event_id": mail.event_id,
        "user_id": mail.user_id,
        "kind": mail.kind,
        "data": dict(mail.data),
        "message_id": mail.message_id,
        "state": "queued",
        "not_before": mail.not_before,
        "created_at": now,
        "traceparent": mail.trail.traceparent,
        "correlation_id": mail.trail.correlation_id,
    }


async def queue(
    connection: AsyncConnection,
    *,
    mail_id: str,
    event_id: EventId,
    user_id: UserId,
    kind: str,
    data: Mapping[str, Any],
    message_id: str,
    now: datetime,
    trail: Trail = NOWHERE,
) -> bool:
    """Write down that a mail is to go out now; False if it was for that person and fact before. May run twice."""
    waiting = Waiting(mail_id, event_id, user_id, kind, data, message_id, now, trail)
    return bool((await connection.execute(_queue, _row(waiting, now))).rowcount)


async def queue_together(
    connection: AsyncConnection,
    *,
    mail_id: str,
    event_id: EventId,
    user_id: UserId,
    kind: str,
    part: Mapping[str, Any],
    message_id: str,
    now: datetime,
    until: datetime,
    trail: Trail = NOWHERE,
) -> bool:
    """Write down that a person is to be told `part` by mail not before `until`, together with whatever else of this kind is to
    be told by then; whether it is a mail of its own. The caller sees to it that no fact is told twice.
    """
    waiting = (
        select(mails.c.id)
        .where(mails.c.user_id == user_id, mails.c.kind == kind, mails.c.state == "queued", mails.c.attempts == 0)
        .limit(1)
        # One that is being claimed at this moment is left alone: what it says is decided.
        .with_for_update(skip_locked=True)
    )
    known = (await connection.execute(waiting)).scalar_one_or_none()
    if known is not None:
        parts = mails.c.data["parts"].op("||")(cast([dict(part)], JSONB))
        data = func.jsonb_set(mails.c.data, text("'{parts}'"), parts)
        await connection.execute(update(mails).where(mails.c.id == known).values(data=data))
        return False
    one = Waiting(mail_id, event_id, user_id, kind, {"parts": [dict(part)]}, message_id, until, trail)
    return bool((await connection.execute(_queue, _row(one, now))).rowcount)


async def count_by(connection: AsyncConnection, mail: Mail, since: datetime) -> int:
    """How many other mails went to its reader since then about what the same person did; 0 where nobody stands in it."""
    if mail.data.get("by") is None:
        return 0
    others = (mails.c.user_id == mail.user_id, mails.c.created_at >= since, mails.c.id != mail.id)
    by_the_same = mails.c.data["by"].astext == mail.data["by"]
    wanted = select(func.count()).where(*others, by_the_same, mails.c.state.in_(("sending", "sent")))
    return int((await connection.execute(wanted)).scalar_one())


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[Mail]:
    """Mail whose time has come, claims that lapsed included, locked; what others hold is left to them."""
    wanted = (
        select(mails)
        .where(WAITING, mails.c.not_before <= now)
        .order_by(mails.c.not_before, mails.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_mail(row) for row in await connection.execute(wanted)]


async def claim(connection: AsyncConnection, mail: Mail, letter: Letter, until: datetime) -> None:
    """Note the attempt that is about to be made, and what it says unless that is private. The caller holds the row."""
    values: dict[str, Any] = {
        "state": "sending",
        "attempts": mail.attempts + 1,
        "not_before": until,
        "to_address": letter.to,
        "subject": letter.subject,
    }
    if mail.kind not in PRIVATE_KINDS:
        values |= {"text": letter.text, "html": letter.html}
    await connection.execute(update(mails).where(mails.c.id == mail.id).values(values))


async def put_off(connection: AsyncConnection, mail_id: str, attempts: int, until: datetime, error: str | None) -> bool:
    """It is to be tried later; False if the attempt is no longer the one that counts."""
    return await _settle(connection, mail_id, attempts, state="queued", not_before=until, last_error=error)


async def count_failed(connection: AsyncConnection, mail: Mail, until: datetime, error: str) -> None:
    """An attempt that ended before anything was sent: it is to be tried later. The caller holds the row."""
    values = {"state": "queued", "attempts": mail.attempts + 1, "not_before": until, "last_error": error}
    await connection.execute(update(mails).where(mails.c.id == mail.id).values(values))


async def mark_sent(connection: AsyncConnection, mail_id: str, ses_id: str, now: datetime) -> bool:
    """The provider has it. Also counts for an attempt that was given up for dead."""
    return await _end(connection, mail_id, None, state="sent", ended_at=now, ses_id=ses_id, last_error=None)


async def give_up(connection: AsyncConnection, mail_id: str, attempts: int, reason: str, now: datetime) -> bool:
    """It will not be sent; False if the attempt is no longer the one that counts."""
    return await _end(connection, mail_id, attempts, state="failed", ended_at=now, last_error=reason)


async def give_up_invitation(connection: AsyncConnection, user_id: UserId, invitation_id: InvitationId, now: datetime) -> bool:
    """The mail about an invitation that a person made will not be sent unless it is on its way; whether there was one."""
    about = (mails.c.user_id == user_id, mails.c.kind == INVITATION, mails.c.data["invitation_id"].astext == invitation_id)
    change = update(mails).where(WAITING, *about, mails.c.state == "queued")
    ended = change.values(state="failed", ended_at=now, last_error="no_longer_shared", data={})
    return bool((await connection.execute(ended)).rowcount)


def expiry_of(mail: Mail) -> datetime:
    """Of mail that was asked for in private: from then on it is not sent any more."""
    return datetime.fromisoformat(mail.data["expires_at"])


async def _end(connection: AsyncConnection, mail_id: str, attempts: int | None, **values: Any) -> bool:
    data = case((mails.c.kind.in_(PRIVATE_KINDS), cast({}, JSONB)), else_=mails.c.data)
    return await _settle(connection, mail_id, attempts, data=data, **values)


async def _settle(connection: AsyncConnection, mail_id: str, attempts: int | None, **values: Any) -> bool:
    change = update(mails).where(mails.c.id == mail_id, WAITING)
    if attempts is not None:
        change = change.where(mails.c.attempts == attempts)
    return bool((await connection.execute(change.values(**values))).rowcount)


async def latest(connection: AsyncConnection, limit: int, address: str | None = None) -> list[Mail]:
    """The newest mails, oldest of them first; to one address if it is named."""
    wanted = select(mails).order_by(mails.c.created_at.desc(), mails.c.id.desc()).limit(limit)
    if address is not None:
        wanted = wanted.where(func.lower(mails.c.to_address) == address.lower())
    return [_mail(row) for row in reversed((await connection.execute(wanted)).all())]


async def waiting(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many mails wait, and since when the oldest."""
    row = (await connection.execute(select(func.count(), func.min(mails.c.created_at)).where(WAITING))).one()
    return row[0], row[1]


async def drop_bodies_before(connection: AsyncConnection, moment: datetime) -> int:
    """Forget what ended mail said; how many rows. Safe to run twice."""
    old = update(mails).where(mails.c.ended_at < moment, mails.c.data != {})
    return (await connection.execute(old.values(data={}, text=None, html=None))).rowcount


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete ended mail made before `moment`; how many rows. Safe to run twice."""
    return (await connection.execute(delete(mails).where(mails.c.created_at < moment, mails.c.ended_at.is_not(None)))).rowcount


def _mail(row: Row[Any]) -> Mail:
    letter = None
    if row.to_address is not None and row.text is not None:
        letter = Letter(row.to_address, row.subject, row.text, row.html)
    return Mail(
        row.id,
        UserId(row.user_id),
        row.kind,
        row.data,
        row.message_id,
        letter,
        row.to_address,
        row.subject,
        row.state,
        row.attempts,
        row.not_before,
        row.created_at,
        row.ended_at,
        row.ses_id,
        row.last_error,
        Trail(row.traceparent, row.correlation_id),
    )
