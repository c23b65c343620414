"""Signing in by the word of an OIDC issuer: which account it is, and a session of it like any other."""

import secrets
from dataclasses import dataclass

from coffer_auth.domain.accounts import DISPLAY_NAME_LENGTH, User
from coffer_auth.domain.oidc import Identity, accept_link, username_of, vouched_email
from coffer_auth.handlers.accounts import DEFAULT_LOCALE, accept_email, user_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import TokenPair, as_user, open_or_ask, opened_session, pair_of
from coffer_auth.passwords import LOCKED
from coffer_auth.store import oidc, users
from coffer_chassis.callers import Caller
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserRegisteredV1
from coffer_contracts.auth_identities import IdentityLinkedV1
from coffer_contracts.ids import LinkedIdentityId, UserId
from coffer_contracts.problems import AccountNotLinked, AccountSuspended, EmailUnverified, Unauthenticated, ValidationFailed

NAMES_TRIED = 8


@dataclass(frozen=True, slots=True)
class IdToken:
    """Somebody shows what an issuer says of them."""

    id_token: str
    nonce: str | None
    device_name: str | None
    caller: Caller


async def sign_in(command: IdToken, origin: Origin, deps: Deps) -> TokenPair:
    """A session for the person of the ID token.

    Raises FeatureDisabled, Unauthenticated, TokenExpired, Unavailable, EmailUnverified, AccountNotLinked, AccountSuspended.
    The issuer's word stands for the password and not for a second factor that is on here: then MfaRequired. Whoever was linked
    stays so, whatever the issuer says of their address later. May run twice: each time is a sign-in.
    """
    identity, issuer = await deps.issuers.identify(command.id_token, command.nonce)
    async with deps.work.read() as connection:
        user_id = await oidc.linked_to(connection, identity.issuer, identity.subject)
    if user_id is None:
        user_id = await _link(identity, command.caller, origin, deps, may_create=issuer.create_accounts)
    async with deps.work.unit(as_user(origin, user_id)) as unit:
        user = await users.user_by_id(unit.connection, user_id)
        if user is None or user.status == "deleted":
            raise Unauthenticated("The account is gone.")
        if user.status == "suspended":
            raise AccountSuspended
        opened = await open_or_ask(user.id, command.device_name, command.caller, unit, password=False)
        # After the account is held, as whoever links it does: the other way round the two would wait for each other.
        await oidc.touch(unit.connection, identity.issuer, identity.subject, unit.now)
        # Again, now that it is held: a role may have gone meanwhile.
        user = await users.user_by_id(unit.connection, user_id) or user
    return await pair_of(user, *opened_session(opened), deps)


async def _link(identity: Identity, caller: Caller, origin: Origin, deps: Deps, *, may_create: bool) -> UserId:
    """Link the person to the account with the address that the issuer has verified, or to a new one; whose it is."""
    try:
        email = accept_email(vouched_email(identity))
    except ValidationFailed as error:
        raise EmailUnverified("The issuer's e-mail address cannot be used.") from error
    fresh_id = UserId(new_id())
    async with deps.work.unit(as_user(origin, fresh_id)) as unit:
        # Where accounts may be made, somebody who merely claims the address keeps its owner from nothing.
        user_id = await oidc.account_with_email(unit.connection, email, proved=may_create)
        if user_id is None:
            if not may_create:
                raise AccountNotLinked("There is no account with this e-mail address.")
            user_id = await _create(identity, email, fresh_id, unit)
        if user_id != fresh_id:
            user = await users.user_by_id(unit.connection, user_id)
            if user is None:
                raise Unauthenticated("The account is gone.")
            accept_link(user)
        if not await oidc.link(unit.connection, identity.issuer, identity.subject, user_id, unit.now):
            # Another request of the same person was faster, and is committed.
            linked = await oidc.linked_to(unit.connection, identity.issuer, identity.subject)
            return linked or user_id
        # Whoever asks is the person of the account, also where it had another id before this request began.
        unit.origin = as_user(origin, user_id)
        fact = IdentityLinkedV1(
            identity_id=LinkedIdentityId(new_id()),
            user_id=user_id,
            issuer=identity.issuer,
            account_made=user_id == fresh_id,
            address=caller.address,
            agent=caller.agent,
            linked_at=unit.now,
        )
        unit.emit(fact, sequence=1)
    return user_id


async def _create(identity: Identity, email: str, fresh_id: UserId, unit: Unit) -> UserId:
    """An account that no password opens yet, its address verified; the one that a racing request made, if it was faster."""
    name = username_of(identity, email)
    for attempt in range(NAMES_TRIED):
        user = User(
            id=fresh_id,
            username=name if attempt == 0 else f"{name}-{secrets.randbelow(10**6):06}",
            email=email,
            email_verified=True,
            display_name=(identity.name or name)[:DISPLAY_NAME_LENGTH],
            locale=DEFAULT_LOCALE,
            status="active",
            roles=(),
            revision=1,
            created_at=unit.now,
        )
        if await users.insert_user(unit.connection, user, LOCKED):
            unit.emit(user_fact(UserRegisteredV1, user), sequence=user.revision)
            return user.id
        if (other := await oidc.account_with_email(unit.connection, email, proved=True)) is not None:
            return other
    raise AccountNotLinked("No user name could be found for the new account.")
