"""Passwords forgotten, reset and changed: by whom, how often, and what ends with the old one."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.domain.emails import MAIL_LIMITS
from coffer_auth.handlers import accounts, emails, operators, passwords, sessions
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.mfa_login import login_with_code
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.callers import Caller
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import (
    InvalidCredentials,
    LinkExpired,
    MfaInvalid,
    MfaRequired,
    PasswordWeak,
    TooManyAttempts,
    Unauthenticated,
)
from factories.accounts import HOME, PASSWORD, auth_deps, facts, origin, registered, settle
from factories.databases import Database
from factories.factors import member
from factories.mailed import last_secret, mails_to
from factories.signed_in import SignedIn, again, signed_in

NEW = "five loud badgers"
THIEF = Caller("203.0.113.9", "thief/1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(database: Database) -> str:
    return database("coffer_auth")


async def forget(deps: Deps, email: str, caller: Caller = HOME) -> None:
    await passwords.forget_password(email, caller, origin(), deps)


async def link_for(deps: Deps, email: str) -> str:
    await forget(deps, email)
    return await last_secret(deps, email, "reset_password")


async def reset(deps: Deps, secret: str, new: str = NEW) -> None:
    await passwords.reset_password(secret, new, HOME, origin(), deps)


async def login(deps: Deps, name: str, password: str) -> TokenPair:
    return await sessions.login(Login(name, password, None, HOME), origin(), deps)


async def is_over(deps: Deps, one: SignedIn) -> bool:
    """Whether a session has ended: it neither refreshes nor lives on in the store, and its access token is refused here."""
    try:
        await accounts.account(one.user.id, one.pair.session.id, deps)
    except Unauthenticated:
        with pytest.raises(Unauthenticated):
            await sessions.refresh(one.pair.refresh_token, HOME, origin(), deps)
        assert one.pair.session.id in deps.revocations
        return True
    return False


async def test_a_reset_by_mail_replaces_the_password_and_ends_every_session(deps: Deps) -> None:
    laptop = await signed_in(deps)
    phone = await again(deps, laptop.user)
    await reset(deps, await link_for(deps, laptop.user.email))
    assert [await is_over(deps, one) for one in (laptop, phone)] == [True, True]
    with pytest.raises(InvalidCredentials):
        await login(deps, laptop.user.username, PASSWORD)
    await login(deps, laptop.user.username, NEW)
    asked, changed = await facts(deps, f"password/{laptop.user.id}")
    assert (asked["type"], asked["data"]["address"]) == ("auth.password.reset_requested.v1", HOME.address)
    assert (asked.get("actorid"), asked["actorkind"]) == (None, "system")
    assert (changed["type"], changed["data"]["how"]) == ("auth.password.changed.v1", "reset")
    assert (changed["actorid"], changed["data"]["agent"]) == (laptop.user.id, HOME.agent)
    assert [asked["sequence"], changed["sequence"]] == ["000000000002", "000000000003"]
    (_, ended) = await facts(deps, f"session/{phone.pair.session.id}")
    assert (ended["data"]["reason"], ended["data"]["address"]) == ("password_changed", HOME.address)


async def test_a_link_works_once_and_for_half_an_hour(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    used, late = await link_for(deps, user.email), ""
    await reset(deps, used)
    with pytest.raises(LinkExpired):
        await reset(deps, used, "another good one 7")
    late = await link_for(deps, user.email)
    clock.advance(minutes=30)
    with pytest.raises(LinkExpired):
        await reset(deps, late, "another good one 7")
    await login(deps, user.username, NEW)


async def test_of_many_uses_at_once_one_counts(deps: Deps) -> None:
    user = await registered(deps)
    secret = await link_for(deps, user.email)
    tries = [f"password number {number}" for number in range(5)]
    uses = await asyncio.gather(*(reset(deps, secret, new) for new in tries), return_exceptions=True)
    assert sum(isinstance(use, LinkExpired) for use in uses) == 4
    (won,) = [new for new, use in zip(tries, uses, strict=True) if use is None]
    await login(deps, user.username, won)
    assert len(await facts(deps, f"password/{user.id}")) == 2


async def test_a_weak_password_is_refused_by_field_and_leaves_the_link(deps: Deps) -> None:
    user = await registered(deps)
    secret = await link_for(deps, user.email)
    for weak in ("short", "password2026!", f"{user.username} 1"):
        with pytest.raises(PasswordWeak) as refusal:
            await reset(deps, secret, weak)
        assert {error.pointer for error in refusal.value.errors} == {"/new_password"}
    await reset(deps, secret)


async def test_a_newer_link_ends_the_one_before_and_a_change_ends_both(deps: Deps) -> None:
    ada = await signed_in(deps)
    first, second = await link_for(deps, ada.user.email), await link_for(deps, ada.user.email)
    with pytest.raises(LinkExpired):
        await reset(deps, first)
    await passwords.change_password(PASSWORD, NEW, ada.principal, HOME, ada.origin, deps)
    with pytest.raises(LinkExpired):
        await reset(deps, second)


async def test_a_reset_proves_the_address_that_it_was_mailed_to(deps: Deps) -> None:
    user = await registered(deps)
    await reset(deps, await link_for(deps, user.email))
    told = [fact["type"] for fact in await facts(deps, f"user/{user.id}")]
    assert told == ["auth.user.registered.v1", "auth.user.verified.v1"]
    after = await emails.verify_email(await last_secret(deps, user.email, "verify_email"), origin(), deps)
    assert after.email_verified
    assert len(await facts(deps, f"user/{user.id}")) == 2


async def test_the_link_goes_to_the_address_as_the_account_has_it(deps: Deps) -> None:
    """One that only counts as the same may lead to another mailbox."""
    command = await accounts.prepare_registration("strasse", "strasse@example.org", PASSWORD, None, deps)
    async with deps.work.unit(origin()) as unit:
        await accounts.register(command, unit, deps)
    await forget(deps, "straße@example.org")
    assert [mail.kind for mail in await mails_to(deps, "strasse@example.org")] == ["verify_email", "reset_password"]
    assert await mails_to(deps, "straße@example.org") == []


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_an_account_that_is_no_more_gets_no_link_and_an_older_one_is_worth_nothing(deps: Deps, status: str) -> None:
    user = await registered(deps)
    secret = await link_for(deps, user.email)
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET status = :status WHERE id = :id"), {"status": status, "id": user.id})
    await forget(deps, user.email)
    assert len([mail for mail in await mails_to(deps, user.email) if mail.kind == "reset_password"]) == 1
    with pytest.raises(LinkExpired):
        await reset(deps, secret)


async def test_a_stranger_fills_a_mailbox_no_further_than_the_limit_and_the_last_link_works(deps: Deps) -> None:
    user = await registered(deps)
    for _ in range(MAIL_LIMITS["mailbox"] + 5):
        await forget(deps, user.email, THIEF)
    mails = await mails_to(deps, user.email)
    assert len(mails) == MAIL_LIMITS["mailbox"]
    await reset(deps, mails[-1].secret)


async def test_who_asks_for_many_addresses_is_refused_whether_they_exist_or_not(deps: Deps) -> None:
    caller = Caller("198.51.100.77", None)
    for number in range(MAIL_LIMITS["asker"]):
        await forget(deps, f"nobody{number}@example.org", caller)
    for email in ("nobody0@example.org", (await registered(deps)).email):
        with pytest.raises(TooManyAttempts):
            await forget(deps, email, caller)
    await settle(deps)


async def test_changing_the_password_ends_every_other_session(deps: Deps) -> None:
    here = await signed_in(deps)
    there = await again(deps, here.user)
    await passwords.change_password(PASSWORD, NEW, here.principal, HOME, here.origin, deps)
    assert [await is_over(deps, one) for one in (here, there)] == [False, True]
    await sessions.refresh(here.pair.refresh_token, HOME, origin(), deps)
    await login(deps, here.user.username, NEW)
    (fact,) = await facts(deps, f"password/{here.user.id}")
    assert (fact["data"]["how"], fact["data"]["address"], fact["actorid"]) == ("changed", HOME.address, here.user.id)


async def test_a_change_takes_the_present_password_and_counts_wrong_ones_per_session(deps: Deps) -> None:
    here = await signed_in(deps)
    there = await again(deps, here.user)
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await passwords.change_password("wrong wrong wrong", NEW, there.principal, HOME, there.origin, deps)
    with pytest.raises(TooManyAttempts):
        await passwords.change_password(PASSWORD, NEW, there.principal, HOME, there.origin, deps)
    await passwords.change_password(PASSWORD, NEW, here.principal, HOME, here.origin, deps)


async def test_of_two_changes_at_once_one_counts(deps: Deps) -> None:
    here = await signed_in(deps)
    there = await again(deps, here.user)
    uses = await asyncio.gather(
        *(
            passwords.change_password(PASSWORD, f"{NEW} {number}", one.principal, HOME, one.origin, deps)
            for number, one in enumerate((here, there))
        ),
        return_exceptions=True,
    )
    assert sum(use is None for use in uses) == 1
    assert len(await facts(deps, f"password/{here.user.id}")) == 1


async def test_a_sign_in_that_was_under_way_does_not_outlive_the_password(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old password was checked, then it was reset, and only then the session is written."""
    user = await registered(deps)
    secret = await link_for(deps, user.email)
    verify = deps.hashing.verify

    async def slowly(password: str, hashed: str | None) -> bool:
        matched = await verify(password, hashed)
        await reset(deps, secret)
        return matched

    with monkeypatch.context() as slow:
        slow.setattr(deps.hashing, "verify", slowly)
        with pytest.raises(InvalidCredentials):
            await login(deps, user.username, PASSWORD)
    async with deps.work.read() as connection:
        alive = text("SELECT count(*) FROM sessions WHERE user_id = :id AND revoked_at IS NULL")
        assert (await connection.execute(alive, {"id": user.id})).scalar_one() == 0


async def test_sign_ins_that_renew_the_same_hash_at_once_all_succeed(url: str, clock: FixedClock) -> None:
    async with auth_deps(url, clock=clock, password_memory_kib=32) as older:
        user = await registered(older)
    async with auth_deps(url, clock=clock) as deps:
        assert len(await asyncio.gather(*(login(deps, user.username, PASSWORD) for _ in range(6)))) == 6


async def test_a_crash_before_the_commit_leaves_the_old_password_and_the_link(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await signed_in(deps)
    secret = await link_for(deps, ada.user.email)

    async def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(passwords, "end_sessions", crash)
        with pytest.raises(ZeroDivisionError):
            await reset(deps, secret)
    assert not await is_over(deps, ada)
    await login(deps, ada.user.username, PASSWORD)
    await reset(deps, secret)
    await login(deps, ada.user.username, NEW)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["reset", "changed", "forced"])
@pytest.mark.parametrize("mailed", [True, False])
async def test_who_knew_the_old_password_cannot_take_the_account_by_another_address(
    deps: Deps, clock: FixedClock, how: str, mailed: bool
) -> None:
    """The thief has asked for a link to their own mailbox, and follows it once the owner has set another password."""
    owner = await signed_in(deps)
    thief = await again(deps, owner.user)
    theirs = f"thief-of-{owner.user.email}"
    link = await link_for(deps, owner.user.email)
    await emails.change_email(theirs, PASSWORD, thief.principal, THIEF, thief.origin, deps)
    secrets = [mail.secret for mail in await mails_to(deps, theirs)] if mailed else []
    clock.advance(seconds=1)
    if how == "reset":
        await reset(deps, link)
    elif how == "changed":
        await passwords.change_password(PASSWORD, NEW, owner.principal, HOME, owner.origin, deps)
    else:
        boss = await again(deps, await operators.grant_operator((await registered(deps)).username, deps))
        await operators.force_password_reset(deps, boss.principal, boss.origin, owner.user.id)
    secrets = secrets or [mail.secret for mail in await mails_to(deps, theirs)]
    assert len(secrets) == mailed
    for secret in secrets:
        with pytest.raises(LinkExpired):
            await emails.verify_email(secret, origin(), deps)


async def test_a_change_of_address_under_way_does_not_outlive_the_password(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await signed_in(deps)
    thief = await again(deps, owner.user)
    link, confirm = await link_for(deps, owner.user.email), passwords.confirm_password

    async def confirmed_just_before(*arguments: Any) -> int:
        generation = await confirm(*arguments)
        await reset(deps, link)
        return generation

    monkeypatch.setattr(emails, "confirm_password", confirmed_just_before)
    theirs = f"quick-{owner.user.email}"
    with pytest.raises(InvalidCredentials):
        await emails.change_email(theirs, PASSWORD, thief.principal, THIEF, thief.origin, deps)
    assert await mails_to(deps, theirs) == []


async def test_a_sign_in_that_owes_a_code_ends_with_a_reset_that_an_operator_forces(deps: Deps, clock: FixedClock) -> None:
    ada = await member(deps, clock)
    with pytest.raises(MfaRequired) as asked:
        await login(deps, ada.user.username, PASSWORD)
    boss = await again(deps, await operators.grant_operator((await registered(deps)).username, deps))
    await operators.force_password_reset(deps, boss.principal, boss.origin, ada.user.id)
    token = str(asked.value.extensions["mfa_token"])
    with pytest.raises(MfaInvalid):
        await login_with_code(Answer(token, Shown(code=ada.app.code()), HOME), origin(), deps)
