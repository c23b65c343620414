"""Commands about passwords: changing one, and resetting a forgotten one by a link in a mail."""

from typing import Literal

from coffer_auth.domain.accounts import User
from coffer_auth.domain.sessions import Session
from coffer_auth.handlers import access_tokens, step_up
from coffer_auth.handlers.accounts import accept_email, account, user_fact
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.devices import end_sessions, refuse_tokens
from coffer_auth.handlers.errands import order_mail
from coffer_auth.handlers.sessions import as_user
from coffer_auth.handlers.step_up import Asker
from coffer_auth.passwords import accept_password
from coffer_auth.store import emails, mfa, passwords, users
from coffer_auth.tokens import digest_of
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserVerifiedV1
from coffer_contracts.auth_passwords import PasswordChangedV1
from coffer_contracts.ids import SessionId
from coffer_contracts.problems import InvalidCredentials, LinkExpired

ENDED = "The link has expired, was used, or was replaced by a newer one."


async def forget_password(email: str, caller: Caller, origin: Origin, deps: Deps) -> None:
    """Somebody forgot the password of the account that an address stands for: a link is mailed if there is one.

    Raises ValidationFailed for what is no address, and TooManyAttempts if this caller asks too often. No account is looked at
    here, so nothing about the answer or its time can tell whether one exists.
    """
    address = accept_email(email)
    async with deps.work.unit(origin) as unit:
        await order_mail(unit, "reset", address, asker=caller)


async def reset_password(secret: str, new: str, caller: Caller, origin: Origin, deps: Deps) -> None:
    """The account of the link has a new password, and every session of it has ended.

    Raises LinkExpired, PasswordWeak, Unavailable. A link works once; a password that is refused does not use it up. Whoever
    followed it reads the mailbox, so the address is proved as well.
    """
    digest = digest_of(secret)
    async with deps.work.read() as connection:
        link = await emails.good_link(connection, digest, "reset", deps.work.clock.now())
        user = await users.user_by_id(connection, link.user_id) if link else None
    if link is None or user is None or user.status != "active":
        raise LinkExpired(ENDED)
    accepted = accept_password(new, username=user.username, email=user.email, pointer="/new_password")
    hashed = await deps.hashing.hash(accepted)
    async with deps.work.unit(as_user(origin, user.id)) as unit:
        locked = await users.lock_user(unit.connection, user.id)
        if locked is None or locked.status != "active" or not await emails.use_link(unit.connection, digest, "reset", unit.now):
            raise LinkExpired(ENDED)
        ended = await _replace(locked, hashed, "reset", caller, unit)
        # Whoever knew the old password may have made tokens with it; a person who changes theirs is asked to look through them.
        tokens = await access_tokens.revoke_all(user.id, "password_reset", caller, unit)
        if not locked.email_verified:
            after = await emails.prove_address(unit.connection, locked, locked.email, unit.now)
            if after is not None:
                unit.emit(user_fact(UserVerifiedV1, after), sequence=after.revision)
    refuse_tokens(deps, ended, unit.now)
    access_tokens.refuse(tokens, deps)


async def change_password(current: str, new: str, principal: Principal, caller: Caller, origin: Origin, deps: Deps) -> None:
    """The caller's account has a new password, and every session but this one has ended.

    Raises InvalidCredentials, PasswordWeak, StepUpRequired, Unauthenticated, TooManyAttempts, Unavailable.
    """
    user = await account(principal.user_id, principal.session_id, deps)
    accepted = accept_password(new, username=user.username, email=user.email, pointer="/new")
    generation = await confirm_password(current, principal, caller, origin, deps)
    hashed = await deps.hashing.hash(accepted)
    async with deps.work.unit(origin) as unit:
        locked = await users.lock_user(unit.connection, user.id)
        if locked is None or await passwords.lock_generation(unit.connection, user.id, rehash=True) != generation:
            raise InvalidCredentials("The password was changed meanwhile.")
        ended = await _replace(locked, hashed, "changed", caller, unit, but=principal.session_id)
    refuse_tokens(deps, ended, unit.now)


async def confirm_password(password: str, principal: Principal, caller: Caller, origin: Origin, deps: Deps) -> int:
    """Which of the account's passwords this one is: the present one. It counts as the session's proof, too.

    Raises InvalidCredentials, TooManyAttempts, Unavailable; and StepUpRequired where a second factor was not shown lately.
    """
    async with deps.work.read() as connection:
        found = await passwords.password_of(connection, principal.user_id)
    # In a unit of its own: the new password is hashed before the account is locked again.
    await step_up.prove(Shown(password), Asker(principal, caller, origin), deps, _nothing_more)
    return found.generation if found else 0


async def _nothing_more(_unit: Unit) -> None:
    """Proving was all."""


async def _replace(
    user: User,
    hashed: str,
    how: Literal["changed", "reset"],
    caller: Caller,
    unit: Unit,
    *,
    but: SessionId | None = None,
) -> list[Session]:
    """Write the new hash and end what the old password opened: sessions, waiting sign-ins, and links that would replace it or
    give the account another address.
    """
    revision = await passwords.replace_password(unit.connection, user.id, hashed, unit.now)
    fact = PasswordChangedV1(user_id=user.id, how=how, address=caller.address, agent=caller.agent, changed_at=unit.now)
    unit.emit(fact, sequence=revision)
    await emails.end_links_of_password(unit.connection, user)
    await mfa.end_challenges_of(unit.connection, user.id)
    return await end_sessions(unit, user.id, "password_changed", caller=caller, but=but)
