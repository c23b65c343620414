"""Commands about e-mail addresses: proving one, asking for the link again, changing it."""

from coffer_auth.domain.accounts import User
from coffer_auth.domain.emails import TOLD_FOR, MailedLink
from coffer_auth.handlers.accounts import accept_email, account, changed_fact, user_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import order_mail
from coffer_auth.handlers.mail_requests import request_mail
from coffer_auth.handlers.passwords import confirm_password
from coffer_auth.handlers.sessions import as_user
from coffer_auth.store import emails, passwords, users
from coffer_auth.tokens import digest_of
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserVerifiedV1
from coffer_contracts.auth_mail import EMAIL_CHANGED
from coffer_contracts.problems import InvalidCredentials, LinkExpired, TooManyAttempts

ENDED = "The link has expired, was used, or was replaced by a newer one."
ENOUGH_SECONDS = 15 * 60


async def verify_email(secret: str, origin: Origin, deps: Deps) -> User:
    """The address that the link was mailed to is the account's from now on. Raises LinkExpired.

    Whoever follows the link reads the mailbox, which is all that counts: they need not be signed in. An address that another
    account proved since is lost, and the link with it.
    """
    digest = digest_of(secret)
    async with deps.work.read() as connection:
        link = await emails.good_link(connection, digest, "verify", deps.work.clock.now())
    if link is None:
        raise LinkExpired(ENDED)
    async with deps.work.unit(as_user(origin, link.user_id)) as unit:
        user = await users.lock_user(unit.connection, link.user_id)
        if user is None or user.status != "active" or not await emails.use_link(unit.connection, digest, "verify", unit.now):
            raise LinkExpired(ENDED)
        return await _prove(user, link, unit, deps)


async def _prove(user: User, link: MailedLink, unit: Unit, deps: Deps) -> User:
    if user.email == link.email and user.email_verified:
        return user  # a reset has proved it meanwhile
    after = await emails.prove_address(unit.connection, user, link.email, unit.now)
    if after is None:
        raise LinkExpired(ENDED)
    if user.email == link.email:
        unit.emit(user_fact(UserVerifiedV1, after), sequence=after.revision)
        return after
    # What was mailed to the old address opens nothing any more.
    await emails.end_links(unit.connection, user.id, "verify", "reset")
    changes = ("email",) if user.email_verified else ("email", "email_verified")
    unit.emit(changed_fact(user, after, changes), sequence=after.revision)
    if user.email_verified:
        # An address that was only claimed may be a stranger's, whom this does not concern.
        request_mail(unit, deps, after, EMAIL_CHANGED, lives_for=TOLD_FOR, address=user.email)
    return after


async def resend_verification(principal: Principal, caller: Caller, origin: Origin, deps: Deps) -> None:
    """Mail a new link to the address that waits to be proved; nothing if none does. Raises Unauthenticated, TooManyAttempts."""
    user = await account(principal.user_id, principal.session_id, deps)
    async with deps.work.read() as connection:
        pending = await emails.pending_email(connection, user.id, deps.work.clock.now())
    email = pending or (None if user.email_verified else user.email)
    if email is not None:
        await _order(user, email, caller, origin, deps)


async def change_email(email: str, password: str, principal: Principal, caller: Caller, origin: Origin, deps: Deps) -> str:
    """Mail a link to another address, which becomes the account's when the link is followed; the address in normal form.

    Raises ValidationFailed, InvalidCredentials, StepUpRequired, Unauthenticated, TooManyAttempts, Unavailable. Until then
    everything stays as it is. Whether somebody else has the address is judged then, and not told.
    """
    wanted = accept_email(email)
    user = await account(principal.user_id, principal.session_id, deps)
    generation = await confirm_password(password, principal, caller, origin, deps)
    await _order(user, wanted, caller, origin, deps, generation=generation)
    return wanted


async def _order(user: User, email: str, caller: Caller, origin: Origin, deps: Deps, *, generation: int | None = None) -> None:
    async with deps.work.unit(origin) as unit:
        if generation is not None:
            await users.hold_active(unit.connection, user.id)
            if await passwords.lock_generation(unit.connection, user.id) != generation:
                raise InvalidCredentials("The password was changed meanwhile.")
        if not await order_mail(unit, "verify", email, user_id=user.id, asker=caller):
            raise TooManyAttempts("The address was sent enough mail. Wait and try again.", retry_after_seconds=ENOUGH_SECONDS)
