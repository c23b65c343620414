"""Queries about second factors, recovery codes and sign-ins that wait for one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.mfa import Challenge, Factor
from coffer_auth.store.tables import login_challenges, recovery_codes, second_factors
from coffer_contracts.ids import UserId

_FACTOR = tuple(second_factors.c[name] for name in Factor.__dataclass_fields__)
_CHALLENGE = tuple(login_challenges.c[name] for name in Challenge.__dataclass_fields__)


async def factor_of(connection: AsyncConnection, user_id: UserId) -> Factor:
    """The account's factor, without a lock: for showing and for deciding whether a code is to be asked for."""
    row = (await connection.execute(select(*_FACTOR).where(second_factors.c.user_id == user_id))).one_or_none()
    return Factor(*row) if row else Factor(user_id, None, None, None, 0, 0, None, 0)


async def lock_factor(connection: AsyncConnection, user_id: UserId) -> Factor:
    """The account's factor, locked until the transaction ends; the row stays for ever, so that revisions only grow."""
    await connection.execute(postgresql.insert(second_factors).values(user_id=user_id).on_conflict_do_nothing())
    found = select(*_FACTOR).where(second_factors.c.user_id == user_id).with_for_update()
    return Factor(*(await connection.execute(found)).one())


async def change_factor(connection: AsyncConnection, user_id: UserId, **values: Any) -> None:
    """Write columns of a factor that the caller has locked."""
    await connection.execute(update(second_factors).where(second_factors.c.user_id == user_id).values(values))


async def next_revision(connection: AsyncConnection, user_id: UserId) -> int:
    """The sequence of the next fact about a factor that the caller has locked."""
    counted = update(second_factors).where(second_factors.c.user_id == user_id).values(revision=second_factors.c.revision + 1)
    revision: int = (await connection.execute(counted.returning(second_factors.c.revision))).scalar_one()
    return revision


async def replace_codes(connection: AsyncConnection, user_id: UserId, digests: Iterable[bytes]) -> None:
    """These are the account's recovery codes now, none of them used."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    if rows := [{"user_id": user_id, "digest": digest} for digest in digests]:
        await connection.execute(insert(recovery_codes), rows)


async def use_code(connection: AsyncConnection, user_id: UserId, digest: bytes, now: datetime) -> bool:
    """Spend a recovery code; False if it is none or was spent. Of two at once one is told True."""
    spent = (
        update(recovery_codes)
        .where(recovery_codes.c.user_id == user_id, recovery_codes.c.digest == digest, recovery_codes.c.used_at.is_(None))
        .values(used_at=now)
    )
    return bool((await connection.execute(spent)).rowcount)


async def codes_left(connection: AsyncConnection, user_id: UserId) -> int:
    """How many recovery codes can still be used."""
    left = select(func.count()).where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
    count: int = (await connection.execute(left)).scalar_one()
    return count


async def insert_challenge(connection: AsyncConnection, digest: bytes, challenge: Challenge) -> None:
    """A sign-in that waits for its code; only the digest of its token is ever stored."""
    values = {name: getattr(challenge, name) for name in Challenge.__dataclass_fields__}
    await connection.execute(insert(login_challenges).values(digest=digest, **values))


async def challenge_of(connection: AsyncConnection, digest: bytes) -> Challenge | None:
    """The sign-in that the token stands for. It only changes under the lock of its account's factor."""
    found = select(*_CHALLENGE).where(login_challenges.c.digest == digest)
    row = (await connection.execute(found)).one_or_none()
    return Challenge(*row) if row else None


async def count_try(connection: AsyncConnection, digest: bytes) -> None:
    """One wrong code more."""
    counted = update(login_challenges).where(login_challenges.c.digest == digest)
    await connection.execute(counted.values(tries=login_challenges.c.tries + 1))


async def end_challenge(connection: AsyncConnection, digest: bytes) -> None:
    """Its token opens nothing any more."""
    await connection.execute(delete(login_challenges).where(login_challenges.c.digest == digest))


async def end_challenges_of(connection: AsyncConnection, user_id: UserId) -> None:
    """None of the account's waiting sign-ins goes on: its password or its factor changed."""
    await connection.execute(delete(login_challenges).where(login_challenges.c.user_id == user_id))


async def forget_challenges(connection: AsyncConnection, now: datetime) -> int:
    """Delete what nobody carried on in time; how many. Safe to run twice."""
    return (await connection.execute(delete(login_challenges).where(login_challenges.c.expires_at <= now))).rowcount
