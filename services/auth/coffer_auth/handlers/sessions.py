"""Commands about sign-ins: login, refresh, logout. Refusals that must leave a trace are raised after their unit committed."""

from dataclasses import dataclass, replace
from datetime import datetime

from coffer_auth.domain.accounts import User
from coffer_auth.domain.sessions import (
    SESSION_LIFE,
    RefreshVerdict,
    RevocationReason,
    Session,
    judge_refresh,
)
from coffer_auth.handlers import challenges
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.devices import end_sessions, refuse_tokens, revoked_fact
from coffer_auth.handlers.errands import order_mail, report_failure
from coffer_auth.handlers.guessing import Attempt, attempt_at
from coffer_auth.store import attempts, passwords, sessions, step_up, users
from coffer_auth.store.users import Credentials
from coffer_auth.tokens import access_token, digest_of, new_refresh_token
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import (
    SessionCreatedV1,
    SessionReuseDetectedV1,
)
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import (
    AccountSuspended,
    EmailUnverified,
    InvalidCredentials,
    MfaRequired,
    Problem,
    Unauthenticated,
)

NOBODY = UserId("00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody wants to sign in."""

    login: str
    password: str
    device_name: str | None
    caller: Caller
    known_device: str | None = None
    """A refresh token that the device was given before."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a signed-in device holds."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    session: Session
    user: User


async def login(command: Login, origin: Origin, deps: Deps) -> TokenPair:
    """Sign in with user name or e-mail address. Raises InvalidCredentials, AccountSuspended, EmailUnverified, TooManyAttempts,
    Unavailable, and MfaRequired where the account has a second factor: `mfa_login` finishes such a sign-in.

    Whether the account exists shows neither in the answer nor in the work done: unknown names are hashed and counted too.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = await users.credentials_of(connection, command.login)
        user_id = found.user.id if found else NOBODY
        attempt = await attempt_at(connection, command.login, user_id, command.caller, command.known_device, now)
    attempt.refuse_if_exhausted(now)
    matches = await deps.hashing.verify(command.password, found.password_hash if found else None)
    refusal = _refusal(found.user if found and matches else None, deps)
    if found is None or refusal is not None:
        refusal = refusal or InvalidCredentials()
        await _count_failure(command, origin, attempt, found.user if found else None, deps, refusal)
        raise refusal
    newer = None
    if deps.hashing.outdated(found.password_hash):
        newer = await deps.hashing.hash(command.password)
    async with deps.work.unit(as_user(origin, found.user.id)) as unit:
        if attempt.counts:
            await attempts.clear(unit.connection, attempt.keys)
        opened = await open_or_ask(found.user.id, command.device_name, command.caller, unit, password=True)
        await _refuse_if_replaced(found, newer, unit)
        # As it stands now that it is held: a role may have gone while the password was compared.
        user = await users.user_by_id(unit.connection, found.user.id) or found.user
    return await pair_of(user, *opened_session(opened), deps)


async def open_or_ask(
    user_id: UserId, device_name: str | None, caller: Caller, unit: Unit, *, password: bool
) -> tuple[Session, str] | MfaRequired:
    """A session, or what asks for the second factor where there is one: for `opened_session`, once the unit has committed.
    `password` says whether the password was shown; if not, an issuer's word was.

    Raises AccountSuspended.
    """
    asked = await challenges.begin(unit, user_id, device_name, caller, password=password)
    return await open_session(user_id, device_name, caller, unit, password=password) if asked is None else asked


def opened_session(opened: tuple[Session, str] | MfaRequired) -> tuple[Session, str]:
    """The session that was opened. Raises MfaRequired."""
    if isinstance(opened, MfaRequired):
        raise opened
    return opened


async def open_session(
    user_id: UserId, device_name: str | None, caller: Caller, unit: Unit, *, password: bool, code: bool = False
) -> tuple[Session, str]:
    """A signed-in device with its first refresh token. The `password` was right, or an issuer's word stood for it; with `code`
    the second factor was right too. Raises AccountSuspended.

    An issuer's word opens a session and proves nothing about it: tokens of issuers are given to whoever sits at a browser that
    signed in there long ago, and may be shown more than once. Security settings wait for the password.

    An account that is being shut at this moment gets no session behind the back of whoever ends them all.
    """
    if not await users.hold_active(unit.connection, user_id):
        raise AccountSuspended
    session = _new_session(user_id, device_name, unit.now)
    await sessions.insert_session(unit.connection, session, caller)
    await step_up.prove(unit.connection, session.id, unit.now, password=password, code=code)
    unit.emit(_created(session, caller), sequence=session.revision)
    return session, await _add_refresh_token(session, unit)


async def refresh(refresh_token: str, caller: Caller, origin: Origin, deps: Deps) -> TokenPair:
    """A new pair for a refresh token, which is spent by it. Raises Unauthenticated, AccountSuspended.

    Within REFRESH_GRACE of its spending a token still brings a pair; after that its second use ends the session.
    """
    digest = digest_of(refresh_token)
    async with deps.work.unit(origin) as unit:
        shown = await sessions.lock_shown_token(unit.connection, digest)
        if shown is None:
            raise Unauthenticated("The refresh token is not known.")
        session = shown.session
        user = await users.user_by_id(unit.connection, session.user_id)
        verdict = judge_refresh(session=session, rotated_at=shown.rotated_at, expires_at=shown.expires_at, now=unit.now)
        if verdict is RefreshVerdict.DEAD or user is None or user.status == "deleted":
            raise Unauthenticated("The session has ended.")
        if user.status == "suspended":
            raise AccountSuspended
        if verdict is RefreshVerdict.REUSE:
            await _end_reused(session, caller, unit)
        else:
            await sessions.rotate(unit.connection, digest, unit.now)
            await sessions.extend(unit.connection, session.id, caller, now=unit.now, expires_at=unit.now + SESSION_LIFE)
            fresh = await _add_refresh_token(session, unit)
    if verdict is RefreshVerdict.REUSE:
        refuse_tokens(deps, [session], unit.now)
        raise Unauthenticated("The refresh token was used before. The session has been ended; sign in again.")
    return await pair_of(user, session, fresh, deps)


async def logout(
    principal: Principal, origin: Origin, deps: Deps, *, everywhere: bool = False, caller: Caller | None = None
) -> None:
    """End the caller's session, or all of the person's. Safe to run twice: what has ended stays ended."""
    only = None if everywhere else principal.session_id
    async with deps.work.unit(origin) as unit:
        ended = await end_sessions(unit, principal.user_id, "logout", caller=caller, only=only)
    refuse_tokens(deps, ended, unit.now)


async def logout_by_token(refresh_token: str, caller: Caller, origin: Origin, deps: Deps) -> None:
    """End the session that a refresh token belongs to, spent or not. Nothing for one that is not known; safe to run twice."""
    async with deps.work.read() as connection:
        session = await sessions.session_of_token(connection, digest_of(refresh_token))
    if session is not None:
        async with deps.work.unit(as_user(origin, session.user_id)) as unit:
            ended = await end_sessions(unit, session.user_id, "logout", caller=caller, only=session.id)
        refuse_tokens(deps, ended, unit.now)


def _refusal(user: User | None, deps: Deps) -> Problem | None:
    """Why somebody who showed the right password may not sign in; without a user the password was not right."""
    if user is None:
        return InvalidCredentials()
    if user.status != "active":
        return AccountSuspended()
    return EmailUnverified() if deps.require_verified_email and not user.email_verified else None


async def _refuse_if_replaced(found: Credentials, newer: str | None, unit: Unit) -> None:
    """The password must still be the one that was checked: a sign-in under way does not outlive a reset. Raises
    InvalidCredentials. A `newer` hash of the same password is written.
    """
    user_id = found.user.id
    if await passwords.lock_generation(unit.connection, user_id, rehash=newer is not None) != found.generation:
        raise InvalidCredentials
    if newer:
        await users.replace_hash(unit.connection, user_id, found.password_hash, newer)


async def _count_failure(
    command: Login, origin: Origin, attempt: Attempt, user: User | None, deps: Deps, refusal: Problem
) -> None:
    """Count a refused sign-in; about an existing account it becomes a fact later. The same statements run for both.

    Whoever only lacks a proved address is mailed a new link.
    """
    async with deps.work.unit(origin) as unit:
        await attempts.count_failure(unit.connection, attempt.keys, unit.now)
        await report_failure(unit, user.id if user else None, refusal.code, command.caller)
        if user is not None and isinstance(refusal, EmailUnverified):
            await order_mail(unit, "verify", user.email, user_id=user.id)


async def _end_reused(session: Session, caller: Caller, unit: Unit) -> None:
    """Two facts about the same session: what was seen, then what was done about it."""
    reason: RevocationReason = "reuse_detected"
    ended = await sessions.revoke(unit.connection, session.user_id, reason, unit.now, only=session.id, facts=2)
    for after in ended:
        seen = SessionReuseDetectedV1(
            session_id=after.id,
            user_id=after.user_id,
            address=caller.address,
            agent=caller.agent,
            detected_at=unit.now,
        )
        unit.emit(seen, sequence=after.revision - 1)
        unit.emit(revoked_fact(after, reason, unit.now, caller), sequence=after.revision, urgent=True)


async def _add_refresh_token(session: Session, unit: Unit) -> str:
    token = new_refresh_token()
    await sessions.insert_refresh_token(
        unit.connection, digest_of(token), session.id, now=unit.now, expires_at=unit.now + SESSION_LIFE
    )
    return token


async def pair_of(user: User, session: Session, refresh_token: str, deps: Deps) -> TokenPair:
    """What the device is given."""
    token, expires_at = access_token(
        await deps.keys.current(),
        issuer=deps.issuer,
        token_id=new_id(),
        user=user,
        session=session,
        now=deps.work.clock.now(),
    )
    return TokenPair(token, expires_at, refresh_token, session, user)


def _new_session(user_id: UserId, device_name: str | None, now: datetime) -> Session:
    return Session(
        id=SessionId(new_id()),
        user_id=user_id,
        device_name=device_name,
        created_at=now,
        expires_at=now + SESSION_LIFE,
        revision=1,
    )


def _created(session: Session, caller: Caller) -> SessionCreatedV1:
    return SessionCreatedV1(
        session_id=session.id,
        user_id=session.user_id,
        device_name=session.device_name,
        address=caller.address,
        agent=caller.agent,
        created_at=session.created_at,
        expires_at=session.expires_at,
    )


def as_user(origin: Origin, user_id: UserId) -> Origin:
    """The origin of what a person does who was nobody when the request came."""
    return replace(origin, actor_id=user_id, actor_kind="user", session_id=None)
