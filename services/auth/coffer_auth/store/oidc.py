"""Queries about links between accounts and identities of OIDC issuers."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.accounts import key_of
from coffer_auth.store.tables import oidc_links, users
from coffer_contracts.ids import UserId

LOCK = 0x6F696463
"""First key of the advisory locks under which accounts are linked."""


async def linked_to(connection: AsyncConnection, issuer: str, subject: str) -> UserId | None:
    """The account of an issuer's person, deleted ones left out."""
    query = (
        select(oidc_links.c.user_id)
        .join(users)
        .where(oidc_links.c.issuer == issuer, oidc_links.c.subject == subject, users.c.status != "deleted")
    )
    found: UserId | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def link(connection: AsyncConnection, issuer: str, subject: str, user_id: UserId, now: datetime) -> bool:
    """Link them; False if the person is linked already, waiting for a racing transaction to end.

    A link to an account that was closed stands in nobody's way.
    """
    closed = select(users.c.id).where(users.c.status == "deleted")
    person = (oidc_links.c.issuer == issuer, oidc_links.c.subject == subject)
    await connection.execute(delete(oidc_links).where(*person, oidc_links.c.user_id.in_(closed)))
    row = postgresql.insert(oidc_links).values(issuer=issuer, subject=subject, user_id=user_id, linked_at=now, used_at=now)
    return bool((await connection.execute(row.on_conflict_do_nothing())).rowcount)


async def touch(connection: AsyncConnection, issuer: str, subject: str, now: datetime) -> None:
    """The link was used."""
    await connection.execute(
        update(oidc_links).where(oidc_links.c.issuer == issuer, oidc_links.c.subject == subject).values(used_at=now)
    )


async def account_with_email(connection: AsyncConnection, email: str, *, proved: bool = False) -> UserId | None:
    """The account that the address stands for, or with `proved` only one that has proved it; it cannot change until the
    transaction ends. Whoever else claims it, unverified, counts for nothing; deleted accounts are left out.

    One transaction at a time for an address, also while there is no account; others wait and hold nothing.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(LOCK, func.hashtext(key_of(email)))))
    named = select(users.c.id).where(users.c.email_key == key_of(email), users.c.status != "deleted")
    claims = (users.c.email_verified.desc(), users.c.created_at, users.c.id)
    # As new sessions of the account lock it, which need not wait.
    query = named.order_by(*claims).limit(1).with_for_update(read=True)
    query = query.where(users.c.email_verified) if proved else query
    found: UserId | None = (await connection.execute(query)).scalar_one_or_none()
    return found
