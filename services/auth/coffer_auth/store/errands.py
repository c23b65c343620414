"""Queries about what is done after an answer was given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.store.tables import errands
from coffer_chassis.callers import Caller
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId

Kind = Literal["verify", "reset", "failure"]


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that a request left to be looked into: mail that was asked for, or a sign-in that was refused."""

    id: str
    kind: Kind
    user_id: UserId | None
    email: str | None
    reason: str | None
    caller: Caller
    origin: Origin
    asked_at: datetime
    tries: int = 0
    """How often it failed."""


async def insert_errand(connection: AsyncConnection, errand: Errand) -> None:
    """Write it down: one row, whatever it is about."""
    await connection.execute(
        insert(errands).values(
            id=errand.id,
            kind=errand.kind,
            user_id=errand.user_id,
            email=errand.email,
            reason=errand.reason,
            address=errand.caller.address,
            agent=errand.caller.agent,
            actor_id=errand.origin.actor_id,
            actor_kind=errand.origin.actor_kind,
            correlation_id=errand.origin.correlation_id,
            traceparent=errand.origin.traceparent,
            asked_at=errand.asked_at,
            not_before=errand.asked_at,
        )
    )


async def oldest_errand(connection: AsyncConnection, now: datetime) -> Errand | None:
    """The one that has been due longest and that nobody else is at; locked until the transaction ends."""
    order = (errands.c.not_before, errands.c.asked_at, errands.c.id)
    wanted = select(errands).where(errands.c.not_before <= now).order_by(*order).limit(1)
    row = (await connection.execute(wanted.with_for_update(skip_locked=True))).one_or_none()
    if row is None:
        return None
    return Errand(
        id=row.id,
        kind=row.kind,
        user_id=UserId(row.user_id) if row.user_id else None,
        email=row.email,
        reason=row.reason,
        caller=Caller(row.address, row.agent),
        origin=Origin(row.actor_id, row.actor_kind, row.correlation_id, None, row.traceparent),
        asked_at=row.asked_at,
        tries=row.tries,
    )


async def postpone_errand(connection: AsyncConnection, errand: Errand, *, not_before: datetime) -> None:
    """It failed once more, and stands behind all that are due by then."""
    again = update(errands).where(errands.c.id == errand.id).values(tries=errands.c.tries + 1, not_before=not_before)
    await connection.execute(again)


async def delete_errand(connection: AsyncConnection, errand: Errand) -> None:
    """It is done."""
    await connection.execute(delete(errands).where(errands.c.id == errand.id))
