"""Commands about personal access tokens: making, listing, revoking, and telling everybody which are refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from coffer_auth.domain.access_tokens import MOST_TOKENS, AccessToken, TokenEnd, accept_end, accept_scopes
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.step_up import Asker, require_proof
from coffer_auth.store import access_tokens as store
from coffer_auth.store import users
from coffer_auth.store.tables import signing_keys
from coffer_auth.tokens import personal_token
from coffer_chassis.callers import Caller
from coffer_chassis.housekeeping import Job
from coffer_chassis.identity import LEEWAY, Principal
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import REFRESH_SECONDS, WHOLE_EVERY
from coffer_chassis.signing.store import lock_keys, need_key
from coffer_chassis.token_uses import LOOK_EVERY_SECONDS
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_factors import TokenCreatedV1, TokenRevokedV1
from coffer_contracts.ids import TokenId, UserId
from coffer_contracts.problems import LimitReached, NotFound, Unauthenticated, Unavailable

LATELY = timedelta(minutes=5)
"""Longer than any transaction, and than clocks of processes differ. Tokens are good for a year, so the whole list of those that
ended early is read at the start and every WHOLE_EVERY looks only.
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """A token that somebody wants."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime
    key_id: str
    """The key that will sign it, found before the unit is opened."""


async def create(wish: Wish, asker: Asker, unit: Unit) -> AccessToken:
    """Make a token; `signed` turns it into what is shown.

    Raises StepUpRequired, ValidationFailed for scopes that the account has not and ends that are too near or far, LimitReached
    when there are too many. The key that will sign it stays published as long as the token lives.
    """
    principal = asker.principal
    if not await store.lock_owner(unit.connection, principal.user_id):
        raise Unauthenticated("The session has ended.")
    await require_proof(unit.connection, principal, unit.now)
    user = await users.user_by_id(unit.connection, principal.user_id)
    scopes = accept_scopes(wish.scopes, user.scopes if user else frozenset())
    expires_at = accept_end(wish.expires_at, unit.now)
    if await store.count_living(unit.connection, principal.user_id, unit.now) >= MOST_TOKENS:
        raise LimitReached(f"An account has at most {MOST_TOKENS} tokens. Revoke one first.", limit=MOST_TOKENS)
    # Under the lock of whoever retires keys, so that none goes while a token is made that needs it.
    await lock_keys(unit.connection)
    if not await need_key(unit.connection, signing_keys, wish.key_id, expires_at):
        raise Unavailable("The signing key has just been withdrawn.", retry_after_seconds=1)
    token = AccessToken(
        id=TokenId(new_id()),
        user_id=principal.user_id,
        name=wish.name,
        scopes=scopes,
        key_id=wish.key_id,
        created_at=unit.now.replace(microsecond=0),
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
        revision=1,
    )
    await store.add(unit.connection, token)
    unit.emit(TokenCreatedV1(**_state(token, asker.caller)), sequence=token.revision)
    return token


async def signed(token_id: TokenId, deps: Deps) -> tuple[AccessToken, str]:
    """The token as its owner keeps it. Signing is deterministic (RFC 8032), so a repeated request gets the same text and no
    secret has to be stored for it. Raises NotFound, and Unavailable if its key was withdrawn.
    """
    async with deps.work.read() as connection:
        token = await store.find(connection, token_id)
        user = await users.user_by_id(connection, token.user_id) if token else None
    if token is None or user is None:
        raise NotFound
    key = await deps.keys.signing(token.key_id)
    if key is None:
        raise Unavailable("The signing key has just been withdrawn.", retry_after_seconds=1)
    return token, personal_token(key, issuer=deps.issuer, token=token, user=user)


async def listed(
    principal: Principal, after: tuple[datetime, str] | None, limit: int, deps: Deps
) -> tuple[list[AccessToken], tuple[datetime, str] | None]:
    """A page of one's good tokens, newest first, and where the next one begins."""
    async with deps.work.read() as connection:
        found = await store.page(connection, principal.user_id, after, limit + 1, deps.work.clock.now())
    shown = found[:limit]
    return shown, (shown[-1].created_at, shown[-1].id) if len(found) > limit else None


async def revoke(token_id: TokenId, asker: Asker, deps: Deps) -> None:
    """End one of one's own tokens everywhere. Raises StepUpRequired; NotFound for somebody else's and for what has ended."""
    async with deps.work.unit(asker.origin) as unit:
        await require_proof(unit.connection, asker.principal, unit.now)
        ended = await store.revoke(unit.connection, asker.principal.user_id, unit.now, only=token_id)
        tell(ended, "person", asker.caller, unit)
    if not ended:
        raise NotFound
    refuse(ended, deps)


async def revoke_all(
    user_id: UserId, reason: TokenEnd, caller: Caller, unit: Unit, *, with_any_of: frozenset[str] | None = None
) -> list[AccessToken]:
    """End all tokens of an account, or those with any of some scopes: for suspending and deleting it, and for taking a role
    away.

    Safe to run twice. After the commit the caller hands the answer to `refuse`.
    """
    ended = await store.revoke(unit.connection, user_id, unit.now, with_any_of=with_any_of)
    tell(ended, reason, caller, unit)
    return ended


def tell(ended: list[AccessToken], reason: TokenEnd, caller: Caller, unit: Unit) -> None:
    """Say of each that it has ended."""
    for token in ended:
        fact = TokenRevokedV1(**_state(token, caller), reason=reason, revoked_at=unit.now)
        unit.emit(fact, sequence=token.revision, urgent=True)


def refuse(ended: list[AccessToken], deps: Deps) -> None:
    """Refuse them in this process at once; others follow by the fact, and other processes of auth by the store."""
    for token in ended:
        deps.revocations.add(token.id, token.expires_at)


async def refresh_revoked(deps: Deps, *, lately: timedelta | None = None) -> None:
    """Take over which tokens are refused: those revoked `lately`, or all. Before the first request and every REFRESH_SECONDS,
    in every process of auth, which hears none of its own facts.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        known = await store.revoked_at(connection, now - LEEWAY, None if lately is None else now - lately)
    for token_id, until in known:
        deps.revocations.add(token_id, until)


async def note_uses(deps: Deps) -> None:
    """Write down which tokens were used at auth itself. May run twice; other services tell by fact."""
    if due := deps.sightings.due():
        async with deps.work.engine.begin() as connection:
            await store.note_uses(connection, {seen.token_id: seen.used_at for seen in due})
        deps.sightings.tell(due)


def watches(deps: Deps) -> tuple[Job, ...]:
    """What every process repeats, also one that only answers requests."""
    looks = count(1)

    async def look() -> None:
        await refresh_revoked(deps, lately=None if next(looks) % WHOLE_EVERY == 0 else LATELY)

    return (
        Job("refresh_revoked_tokens", look, REFRESH_SECONDS),
        Job("note_token_uses", lambda: note_uses(deps), LOOK_EVERY_SECONDS),
    )


def _state(token: AccessToken, caller: Caller) -> dict[str, object]:
    return {
        "token_id": token.id,
        "user_id": token.user_id,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "address": caller.address,
        "agent": caller.agent,
    }
