"""Addresses: proved by mailed links, changed, claimed by strangers, and mailed to no more than is good."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.domain.emails import MAIL_LIMITS
from coffer_auth.handlers import accounts, emails, sessions
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import clerk, run_errand
from coffer_auth.handlers.passwords import forget_password
from coffer_auth.handlers.sessions import Login
from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock, eventually
from coffer_contracts.problems import EmailUnverified, InvalidCredentials, LinkExpired, TooManyAttempts, Unauthenticated
from factories.accounts import HOME, PASSWORD, auth_deps, facts, origin, registered, settle
from factories.databases import Database
from factories.mailed import last_secret, mails_to
from factories.signed_in import SignedIn, again, signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(database: Database) -> str:
    return database("coffer_auth")


async def claims(deps: Deps, email: str) -> SignedIn:
    """A new account that says that this is its address."""
    name = f"user-{new_id()[-12:]}"
    command = await accounts.prepare_registration(name, email, PASSWORD, None, deps)
    async with deps.work.unit(origin()) as unit:
        user = await accounts.register(command, unit, deps)
    return await again(deps, user)


async def verified(deps: Deps) -> SignedIn:
    """An account that has proved its address."""
    ada = await signed_in(deps)
    await emails.verify_email(await last_secret(deps, ada.user.email, "verify_email"), origin(), deps)
    return ada


async def kinds(deps: Deps, address: str) -> list[str]:
    return [mail.kind for mail in await mails_to(deps, address)]


async def change(deps: Deps, ada: SignedIn, email: str, password: str = PASSWORD) -> str:
    return await emails.change_email(email, password, ada.principal, HOME, ada.origin, deps)


async def test_the_link_of_a_registration_proves_the_address_once(deps: Deps) -> None:
    user = await registered(deps)
    (mail,) = await mails_to(deps, user.email)
    assert (mail.kind, mail.user_id) == ("verify_email", user.id)
    after = await emails.verify_email(mail.secret, origin(), deps)
    assert (after.email, after.email_verified, after.revision) == (user.email, True, 2)
    _, fact = await facts(deps, f"user/{user.id}")
    assert (fact["type"], fact["data"]["email_verified"]) == ("auth.user.verified.v1", True)
    assert (fact["sequence"], fact["actorid"], fact["actorkind"]) == ("000000000002", user.id, "user")
    with pytest.raises(LinkExpired):
        await emails.verify_email(mail.secret, origin(), deps)
    assert len(await facts(deps, f"user/{user.id}")) == 2


async def test_the_store_holds_no_secret_of_a_link(deps: Deps) -> None:
    user = await registered(deps)
    secret = await last_secret(deps, user.email, "verify_email")
    async with deps.work.read() as connection:
        for table in ("email_tokens", "private_outbox", "outbox", "errands"):
            rows = (await connection.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()  # our names
            assert not any(secret in row or secret.encode().hex() in row for row in rows), table


async def test_of_many_uses_at_once_one_counts(deps: Deps) -> None:
    user = await registered(deps)
    secret = await last_secret(deps, user.email, "verify_email")
    uses = await asyncio.gather(*(emails.verify_email(secret, origin(), deps) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(use, LinkExpired) for use in uses) == 5
    assert len(await facts(deps, f"user/{user.id}")) == 2


@pytest.mark.parametrize(("hours", "works"), [(23.9, True), (24, False)])
async def test_a_link_lives_for_a_day(deps: Deps, clock: FixedClock, hours: float, works: bool) -> None:
    user = await registered(deps)
    secret = await last_secret(deps, user.email, "verify_email")
    clock.advance(hours=hours)
    if works:
        assert (await emails.verify_email(secret, origin(), deps)).email_verified
    else:
        with pytest.raises(LinkExpired):
            await emails.verify_email(secret, origin(), deps)


@pytest.mark.parametrize("secret", ["", "cof_mail_", "x" * 256, "\ud800", "' OR 1=1"])
async def test_what_is_no_secret_is_answered_like_one_that_ended(deps: Deps, secret: str) -> None:
    with pytest.raises(LinkExpired):
        await emails.verify_email(secret, origin(), deps)


async def test_a_link_to_reset_a_password_proves_nothing_here(deps: Deps) -> None:
    user = await registered(deps)
    await forget_password(user.email, HOME, origin(), deps)
    with pytest.raises(LinkExpired):
        await emails.verify_email(await last_secret(deps, user.email, "reset_password"), origin(), deps)


async def test_a_newer_mail_ends_the_link_of_the_one_before(deps: Deps) -> None:
    ada = await signed_in(deps)
    first = await last_secret(deps, ada.user.email, "verify_email")
    await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    second = await last_secret(deps, ada.user.email, "verify_email")
    assert second != first
    with pytest.raises(LinkExpired):
        await emails.verify_email(first, origin(), deps)
    assert (await emails.verify_email(second, origin(), deps)).email_verified


async def test_nothing_is_sent_again_where_nothing_waits(deps: Deps) -> None:
    ada = await verified(deps)
    await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    assert await kinds(deps, ada.user.email) == ["verify_email"]


async def test_a_mailbox_gets_so_much_mail_and_no_more_until_the_window_ends(deps: Deps, clock: FixedClock) -> None:
    ada = await signed_in(deps)
    for _ in range(MAIL_LIMITS["mailbox"] - 1):
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    with pytest.raises(TooManyAttempts) as refusal:
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    assert len(await mails_to(deps, ada.user.email)) == MAIL_LIMITS["mailbox"]
    clock.advance(seconds=refusal.value.retry_after_seconds or 0)
    await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    assert len(await mails_to(deps, ada.user.email)) == MAIL_LIMITS["mailbox"] + 1


async def test_accounts_made_with_one_address_do_not_flood_its_mailbox(deps: Deps) -> None:
    for number in range(MAIL_LIMITS["mailbox"] + 3):
        command = await accounts.prepare_registration(f"flood-{number}", "flooded@example.org", PASSWORD, None, deps)
        async with deps.work.unit(origin()) as unit:
            await accounts.register(command, unit, deps)
    assert len(await mails_to(deps, "flooded@example.org")) == MAIL_LIMITS["mailbox"]


async def test_an_address_is_the_accounts_when_its_link_was_followed_and_not_before(deps: Deps) -> None:
    ada = await verified(deps)
    wanted = f"new-{ada.user.email}"
    assert await change(deps, ada, wanted.upper()) == wanted.upper().partition("@")[0] + "@example.org"
    await change(deps, ada, wanted)
    assert (await accounts.account(ada.user.id, ada.pair.session.id, deps)).email == ada.user.email
    after = await emails.verify_email(await last_secret(deps, wanted, "verify_email"), origin(), deps)
    assert (after.email, after.email_verified) == (wanted, True)
    fact = (await facts(deps, f"user/{ada.user.id}"))[-1]
    assert (fact["type"], fact["data"]["changes"], fact["data"]["email"]) == ("auth.user.changed.v1", ["email"], wanted)
    assert (await kinds(deps, ada.user.email))[-1] == "email_changed"
    with pytest.raises(InvalidCredentials):
        await sessions.login(Login(ada.user.email, PASSWORD, None, HOME), origin(), deps)
    await sessions.login(Login(wanted, PASSWORD, None, HOME), origin(), deps)


async def test_an_address_that_was_only_claimed_is_left_without_a_word(deps: Deps) -> None:
    ada = await signed_in(deps)
    await change(deps, ada, f"new-{ada.user.email}")
    await emails.verify_email(await last_secret(deps, f"new-{ada.user.email}", "verify_email"), origin(), deps)
    fact = (await facts(deps, f"user/{ada.user.id}"))[-1]
    assert fact["data"]["changes"] == ["email", "email_verified"]
    assert fact["data"]["fields"] == [
        {"field": "email"},
        {"field": "email_verified", "before": "false", "after": "true"},
    ], "nobody keeps the address that was given up"
    assert await kinds(deps, ada.user.email) == ["verify_email"]


async def test_the_link_is_sent_again_to_the_address_that_waits(deps: Deps) -> None:
    ada = await verified(deps)
    await change(deps, ada, f"new-{ada.user.email}")
    await settle(deps)
    await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    assert await kinds(deps, f"new-{ada.user.email}") == ["verify_email"] * 2
    assert await kinds(deps, ada.user.email) == ["verify_email"]


async def test_changing_the_address_takes_the_password_and_counts_wrong_ones(deps: Deps) -> None:
    ada = await verified(deps)
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await change(deps, ada, "elsewhere@example.org", "wrong wrong wrong")
    with pytest.raises(TooManyAttempts):
        await change(deps, ada, "elsewhere@example.org")
    assert await kinds(deps, "elsewhere@example.org") == []
    await sessions.login(Login(ada.user.username, PASSWORD, None, HOME), origin(), deps)


async def test_whoever_claims_an_address_keeps_its_reader_from_nothing(deps: Deps) -> None:
    """The stranger was first; the reader of the mailbox gets the address, signs in by it, and is the one who is found by it."""
    email = "victim@example.org"
    stranger, victim = await claims(deps, email), await claims(deps, email)
    signed = await sessions.login(Login(email, PASSWORD, None, HOME), origin(), deps)
    assert signed.user.id == stranger.user.id, "nobody has proved it, so it stands for the first who said so"
    await emails.resend_verification(victim.principal, HOME, victim.origin, deps)
    await emails.verify_email(await last_secret(deps, email, "verify_email"), origin(), deps)
    signed = await sessions.login(Login(email.upper(), PASSWORD, None, HOME), origin(), deps)
    assert signed.user.id == victim.user.id
    await emails.resend_verification(stranger.principal, HOME, stranger.origin, deps)
    told = (await mails_to(deps, email))[-1]
    assert (told.kind, told.user_id, told.secret) == ("email_taken", victim.user.id, "")


async def test_of_two_who_prove_one_address_at_once_one_gets_it(deps: Deps) -> None:
    email = "raced@example.org"
    racing = [await claims(deps, email) for _ in range(2)]
    secrets = []
    for one in racing:
        await emails.resend_verification(one.principal, HOME, one.origin, deps)
        secrets.append(await last_secret(deps, email, "verify_email"))
    ends: list[Any] = await asyncio.gather(
        *(emails.verify_email(secret, origin(), deps) for secret in secrets), return_exceptions=True
    )
    assert sorted(isinstance(end, LinkExpired) for end in ends) == [False, True]
    winner = next(end for end in ends if not isinstance(end, LinkExpired))
    assert (winner.email, winner.email_verified) == (email, True)
    for _ in range(2):
        with pytest.raises(LinkExpired):
            await emails.verify_email(secrets[ends.index(winner) ^ 1], origin(), deps)


async def test_an_address_that_somebody_proved_meanwhile_is_not_taken_by_an_older_link(deps: Deps) -> None:
    ada, email = await verified(deps), "meanwhile@example.org"
    await change(deps, ada, email)
    late = await last_secret(deps, email, "verify_email")
    owner = await claims(deps, email)
    await emails.resend_verification(owner.principal, HOME, owner.origin, deps)
    await emails.verify_email(await last_secret(deps, email, "verify_email"), origin(), deps)
    with pytest.raises(LinkExpired):
        await emails.verify_email(late, origin(), deps)
    assert (await accounts.account(ada.user.id, ada.pair.session.id, deps)).email == ada.user.email


async def test_asking_for_somebodys_address_tells_them_and_nothing_to_who_asks(deps: Deps) -> None:
    owner, ada = await verified(deps), await verified(deps)
    assert await change(deps, ada, owner.user.email) == owner.user.email
    assert (await kinds(deps, owner.user.email))[-1] == "email_taken"
    assert (await accounts.account(ada.user.id, ada.pair.session.id, deps)).email == ada.user.email


@pytest.mark.parametrize("taken", [True, False])
async def test_asking_again_and_again_does_not_tell_whether_somebody_has_the_address(deps: Deps, taken: bool) -> None:
    ada, wanted = await verified(deps), f"nobody-{new_id()}@example.org"
    if taken:
        wanted = (await verified(deps)).user.email
        async with deps.work.engine.begin() as connection:
            await connection.execute(text("DELETE FROM login_attempts"))
    await change(deps, ada, wanted)
    for _ in range(MAIL_LIMITS["mailbox"] - 1):
        await settle(deps)
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    with pytest.raises(TooManyAttempts):
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)


async def test_a_suspended_account_gets_no_mail_and_proves_nothing(deps: Deps) -> None:
    ada = await signed_in(deps)
    secret = await last_secret(deps, ada.user.email, "verify_email")
    await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET status = 'suspended' WHERE id = :id"), {"id": ada.user.id})
    assert len(await mails_to(deps, ada.user.email)) == 1
    with pytest.raises(LinkExpired):
        await emails.verify_email(secret, origin(), deps)
    with pytest.raises(Unauthenticated):
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)


async def test_a_crash_while_an_order_is_looked_into_leaves_it_for_the_next(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(deps)
    user = await registered(deps)

    async def crash(*_: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("coffer_auth.handlers.errands.errands.delete_errand", crash)
        with pytest.raises(ZeroDivisionError):
            await run_errand(deps)
    (mail,) = await mails_to(deps, user.email)
    assert (await emails.verify_email(mail.secret, origin(), deps)).email_verified


async def test_clerks_at_once_look_into_each_order_once(deps: Deps) -> None:
    await settle(deps)
    people = [await registered(deps) for _ in range(6)]
    stopping = asyncio.Event()
    clerks = [asyncio.create_task(clerk(deps).run(stopping)) for _ in range(3)]

    async def all_done() -> bool:
        return await waiting(deps) == 0

    await eventually(all_done, within_seconds=10)
    stopping.set()
    await asyncio.gather(*clerks)
    for user in people:
        assert await kinds(deps, user.email) == ["verify_email"]


async def waiting(deps: Deps) -> int:
    async with deps.work.read() as connection:
        count: int = (await connection.execute(text("SELECT count(*) FROM errands"))).scalar_one()
    return count


async def test_links_that_ended_long_ago_are_forgotten_and_others_are_kept(deps: Deps, clock: FixedClock) -> None:
    (forget,) = [job for job in jobs(deps) if job.name == "forget_links"]
    old = await registered(deps)
    await settle(deps)
    clock.advance(days=8, seconds=1)
    new = await registered(deps)
    await settle(deps)
    for _ in range(2):
        await forget.run()
    async with deps.work.read() as connection:
        rows = await connection.execute(
            text("SELECT user_id::text FROM email_tokens WHERE user_id IN (:old, :new)"), {"old": old.id, "new": new.id}
        )
        assert rows.scalars().all() == [new.id]


async def test_where_addresses_must_be_proved_first_the_refusal_comes_with_a_new_link(url: str, clock: FixedClock) -> None:
    async with auth_deps(url, clock=clock, require_verified_email=True) as strict:
        user = await registered(strict)
        with pytest.raises(InvalidCredentials):
            await sessions.login(Login(user.username, "wrong wrong wrong", None, HOME), origin(), strict)
        with pytest.raises(EmailUnverified):
            await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), strict)
        mails = await mails_to(strict, user.email)
        assert [mail.kind for mail in mails] == ["verify_email"] * 2
        reasons = [fact["data"]["reason"] for fact in await facts(strict, f"login/{user.id}")]
        assert reasons == ["invalid_credentials", "email_unverified"]
        await emails.verify_email(mails[-1].secret, origin(), strict)
        assert (await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), strict)).user.email_verified
