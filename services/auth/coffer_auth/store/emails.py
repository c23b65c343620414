"""Queries about addresses: links that were mailed to them, who has proved one, and how much mail went there."""

import hashlib
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.accounts import User, key_of
from coffer_auth.domain.attempts import Counter
from coffer_auth.domain.emails import ASKER, MAILBOX, MailedLink, Purpose
from coffer_auth.store import users
from coffer_auth.store.tables import email_tokens as tokens
from coffer_chassis.callers import Caller
from coffer_chassis.forgetting import forget_some
from coffer_contracts.ids import UserId


def mail_counters(email: str, caller: Caller | None) -> dict[Counter, bytes]:
    """Name of the limit -> key of its counter, among those of failed sign-ins. Without a caller the mailbox's alone."""
    parts: dict[Counter, tuple[str, ...]] = {MAILBOX: ("mailbox", key_of(email))}
    if caller is not None:
        parts[ASKER] = ("asker", caller.network or "")
    return {name: hashlib.sha256("\0".join(part).encode()).digest() for name, part in parts.items()}


async def insert_link(connection: AsyncConnection, digest: bytes, link: MailedLink, now: datetime) -> None:
    """Add a link; only the digest of its secret is ever stored."""
    await connection.execute(
        insert(tokens).values(
            digest=digest,
            user_id=link.user_id,
            purpose=link.purpose,
            email=link.email,
            created_at=now,
            expires_at=link.expires_at,
        )
    )


async def end_links(connection: AsyncConnection, user_id: UserId, *purposes: Purpose) -> None:
    """Links of the account that were not used yet are worth nothing any more. To be called with the account locked."""
    await connection.execute(
        delete(tokens).where(tokens.c.user_id == user_id, tokens.c.purpose.in_(purposes), tokens.c.used_at.is_(None))
    )


async def end_links_of_password(connection: AsyncConnection, user: User) -> None:
    """The account's password is replaced: links that would replace it again, or that whoever knew it had mailed to another
    address, are worth nothing any more. To be called with the account locked.
    """
    elsewhere = (tokens.c.purpose == "verify") & (tokens.c.email != user.email)
    mine = (tokens.c.user_id == user.id, tokens.c.used_at.is_(None))
    await connection.execute(delete(tokens).where(*mine, (tokens.c.purpose == "reset") | elsewhere))


async def good_link(connection: AsyncConnection, digest: bytes, purpose: Purpose, now: datetime) -> MailedLink | None:
    """The link with this secret, if it was neither used nor ended."""
    wanted = select(tokens).where(*_good(digest, purpose, now))
    row = (await connection.execute(wanted)).one_or_none()
    return MailedLink(UserId(row.user_id), row.purpose, row.email, row.expires_at) if row else None


async def pending_email(connection: AsyncConnection, user_id: UserId, now: datetime) -> str | None:
    """The address that a link of the account would prove if it were followed now."""
    wanted = (
        select(tokens.c.email)
        .where(tokens.c.user_id == user_id, tokens.c.purpose == "verify", tokens.c.used_at.is_(None), tokens.c.expires_at > now)
        .order_by(tokens.c.created_at.desc())
        .limit(1)
    )
    email: str | None = (await connection.execute(wanted)).scalar_one_or_none()
    return email


async def use_link(connection: AsyncConnection, digest: bytes, purpose: Purpose, now: datetime) -> bool:
    """Use the link up; False if it was used or ended meanwhile. To be called with its account locked."""
    done = await connection.execute(update(tokens).where(*_good(digest, purpose, now)).values(used_at=now))
    return bool(done.rowcount)


async def forget_links(connection: AsyncConnection, before: datetime) -> int:
    """Delete a slice of the links that ended before that; how many."""
    return await forget_some(connection, tokens, tokens.c.expires_at < before)


async def prove_address(connection: AsyncConnection, user: User, email: str, now: datetime) -> User | None:
    """The address is the account's from now on, and nobody else's; the account after it, one revision on. None, and no
    change, if another account proved it first: a racing one is waited for. To be called with the account locked.
    """
    values = {"email": email, "email_key": key_of(email), "email_verified": True}
    try:
        async with connection.begin_nested():
            return await users.change(connection, user.id, values, now)
    except IntegrityError:
        return None


def _good(digest: bytes, purpose: Purpose, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        tokens.c.digest == digest,
        tokens.c.purpose == purpose,
        tokens.c.used_at.is_(None),
        tokens.c.expires_at > now,
    )
