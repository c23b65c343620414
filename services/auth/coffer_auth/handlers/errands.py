"""What is done after an answer was given: mail that people ask for, and word of sign-ins that were refused.

A request only writes the errand down, and a loop looks into it afterwards. So a request about an account that exists does
exactly what one about any other does, and neither its answer nor its time says which it was. What an errand becomes is decided
here, from what the store says when its turn comes.
"""

import asyncio
from datetime import timedelta

import structlog

from coffer_auth.domain.accounts import User
from coffer_auth.domain.emails import LIVES, MAILBOX, TOLD_FOR, MailedLink, Purpose, seconds_until_mail
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.mail_requests import request_mail
from coffer_auth.store import attempts, emails, errands, passwords, users
from coffer_auth.store.errands import Errand
from coffer_auth.tokens import digest_of, new_mail_secret
from coffer_chassis.callers import Caller
from coffer_chassis.ids import new_id
from coffer_chassis.rounds import Rounds
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.auth_mail import EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL
from coffer_contracts.auth_passwords import PasswordResetRequestedV1
from coffer_contracts.ids import UserId
from coffer_contracts.problems import TooManyAttempts

ERRANDS = "errands"
"""The topic of those who left something to be done."""
POLL_SECONDS = 5.0
"""How long the clerk waits without being woken: for lost wake-ups."""
PAUSE_SECONDS = 0.5
"""How long the clerk waits after a failure: the store may be away."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
NOWHERE = Caller(None, None)

log = structlog.get_logger(__name__)


def wait_after(failures: int) -> timedelta:
    """How long an errand that failed so often waits: once more at once, behind the others, then twice as long each time."""
    return timedelta() if failures < 2 else min(FIRST_WAIT * (1 << min(failures - 2, 16)), LONGEST_WAIT)


async def order_mail(
    unit: Unit, purpose: Purpose, email: str, *, user_id: UserId | None = None, asker: Caller | None = None
) -> bool:
    """Have mail sent to an address when this unit has committed; False, and none, if the mailbox has had enough lately.

    `user_id` is whose address it shall become, for `verify`, and whose password is to be set, for `reset`: without one, of the
    account that the address stands for. Raises TooManyAttempts if the `asker` has asked too often: by
    then nobody's account has been looked at. Twice makes two mails, of which only the second one's link works.
    """
    counted = await attempts.count_failure(unit.connection, emails.mail_counters(email, asker), unit.now)
    if wait := seconds_until_mail({name: count for name, count in counted.items() if name != MAILBOX}, unit.now):
        raise TooManyAttempts("Too much mail was asked for. Wait and try again.", retry_after_seconds=wait)
    if seconds_until_mail(counted, unit.now):
        return False
    errand = Errand(new_id(), purpose, user_id, email, None, asker or NOWHERE, unit.origin, unit.now)
    await errands.insert_errand(unit.connection, errand)
    unit.wake(ERRANDS)
    return True


async def report_failure(unit: Unit, user_id: UserId | None, reason: str, caller: Caller) -> None:
    """Have it told when this unit has committed that a sign-in was refused; nothing is told of an account that is none."""
    errand = Errand(new_id(), "failure", user_id, None, reason, caller, unit.origin, unit.now)
    await errands.insert_errand(unit.connection, errand)
    unit.wake(ERRANDS)


class ErrandFailed(Exception):
    """An errand could not be done; says only what kind of error it was. The errands behind it do not wait for it."""


def clerk(deps: Deps) -> Rounds:
    """A loop that runs errands. Several processes may: each errand is locked by whoever is at it."""

    async def look(_stopping: asyncio.Event) -> float:
        try:
            return 0 if await run_errand(deps) else POLL_SECONDS
        except Exception as error:  # noqa: BLE001  # nothing of the error itself: those of the store show addresses
            raise ErrandFailed(type(error).__name__) from None

    return Rounds(look, failed="clerk_failed", back_off_seconds=(PAUSE_SECONDS, PAUSE_SECONDS))


async def run_errand(deps: Deps) -> bool:
    """Do the errand that is due longest: mail, link and fact commit with its end. False if there was none. Safe at once and
    twice. One that fails, which is raised, is due later: it does not keep the others from their turn.
    """
    errand = None
    try:
        async with deps.work.engine.begin() as connection:
            errand = await errands.oldest_errand(connection, deps.work.clock.now())
            if errand is None:
                return False
            unit = deps.work.unit_on(connection, errand.origin)
            await _do(errand, unit, deps)
            await errands.delete_errand(connection, errand)
            await unit.flush(deps.work.tables)
    except Exception as error:
        if errand is not None:
            # Nothing of the error itself: those of the store show addresses.
            log.warning("errand_failed", id=errand.id, kind=errand.kind, tries=errand.tries + 1, error=type(error).__name__)
            later = deps.work.clock.now() + wait_after(errand.tries + 1)
            async with deps.work.engine.begin() as connection:
                await errands.postpone_errand(connection, errand, not_before=later)
        raise
    deps.work.wake(unit.topics)
    return True


async def _do(errand: Errand, unit: Unit, deps: Deps) -> None:
    match errand.kind:
        case "verify":
            await _send_verification(errand, unit, deps)
        case "reset":
            await _send_reset(errand, unit, deps)
        case "failure":
            await _tell_failure(errand, unit)


async def _send_verification(errand: Errand, unit: Unit, deps: Deps) -> None:
    """A link for the account, or word to the account that has proved the address already."""
    user, email = await _active(errand.user_id, unit), errand.email or ""
    if user is None or (user.email == email and user.email_verified):
        return
    password = await passwords.password_of(unit.connection, user.id)
    if user.email != email and password is not None and password.changed_at > errand.asked_at:
        return  # whoever asked knew a password that was replaced since
    await emails.end_links(unit.connection, user.id, "verify")
    owner = await users.user_of_email(unit.connection, email)
    if owner is None or owner.id == user.id or not owner.email_verified:
        await _send_link("verify", user, email, VERIFY_EMAIL, unit, deps)
        return
    # The wish waits like any other, with a link that nobody gets: asked to send it again, we answer and count alike.
    await emails.insert_link(unit.connection, digest_of(new_mail_secret()), _link("verify", user, email, unit), unit.now)
    if owner.status == "active":
        # To the address as the owner wrote it: one that only counts as the same may lead elsewhere.
        request_mail(unit, deps, owner, EMAIL_TAKEN, lives_for=TOLD_FOR)


async def _send_reset(errand: Errand, unit: Unit, deps: Deps) -> None:
    """A link for the account that is meant, else for the one that the address stands for, to the address as that account wrote
    it; and the fact. Nothing to an address that another account has proved: its reader is somebody else.
    """
    meant = errand.user_id
    if meant is None:
        named = await users.user_of_email(unit.connection, errand.email or "")
        meant = named.id if named is not None else None
    user = await _active(meant, unit)
    owner = await users.user_of_email(unit.connection, user.email) if user is not None else None
    if user is None or (owner is not None and owner.id != user.id and owner.email_verified):
        return
    await emails.end_links(unit.connection, user.id, "reset")
    await _send_link("reset", user, user.email, RESET_PASSWORD, unit, deps)
    fact = PasswordResetRequestedV1(
        user_id=user.id,
        address=errand.caller.address,
        agent=errand.caller.agent,
        requested_at=errand.asked_at,
        expires_at=unit.now + LIVES["reset"],
    )
    unit.emit(fact, sequence=await passwords.next_revision(unit.connection, user.id, unit.now))


async def _tell_failure(errand: Errand, unit: Unit) -> None:
    """Nothing of a name that is nobody's: what people type into the wrong field is not to be told."""
    failures = await users.count_login_failure(unit.connection, errand.user_id) if errand.user_id is not None else None
    if errand.user_id is not None and failures is not None:
        fact = LoginFailedV1(
            user_id=errand.user_id,
            reason=errand.reason or "",
            address=errand.caller.address,
            agent=errand.caller.agent,
            failed_at=errand.asked_at,
            failures=failures,
        )
        unit.emit(fact, sequence=failures)


async def _active(user_id: UserId | None, unit: Unit) -> User | None:
    user = await users.lock_user(unit.connection, user_id) if user_id is not None else None
    return user if user is not None and user.status == "active" else None


async def _send_link(purpose: Purpose, user: User, email: str, kind: str, unit: Unit, deps: Deps) -> None:
    secret = new_mail_secret()
    await emails.insert_link(unit.connection, digest_of(secret), _link(purpose, user, email, unit), unit.now)
    request_mail(unit, deps, user, kind, lives_for=LIVES[purpose], secret=secret, address=email)


def _link(purpose: Purpose, user: User, email: str, unit: Unit) -> MailedLink:
    return MailedLink(user.id, purpose, email, unit.now + LIVES[purpose])
