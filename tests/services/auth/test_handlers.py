"""auth's commands called directly: races, crashes before the commit, ended accounts, keys shared by processes."""

import asyncio

import jwt
import pytest
from sqlalchemy import text

from coffer_auth.handlers import accounts, operators, sessions
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.identity import Principal
from coffer_chassis.signing.keys import WrongKeySecret
from coffer_chassis.testing import FixedClock
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import AccountSuspended, InvalidCredentials, NotFound, Unauthenticated, UsernameTaken
from factories.accounts import HOME, PASSWORD, auth_deps, facts, origin, registered
from factories.databases import PostgresServer


async def signed_in(deps: Deps, username: str, password: str = PASSWORD) -> TokenPair:
    return await sessions.login(Login(username, password, "a test", HOME), origin(), deps)


def principal_of(pair: TokenPair) -> Principal:
    return Principal("user", pair.user.id, pair.session.id, pair.user.scopes, pair.expires_at)


async def executed(deps: Deps, statement: str, **values: object) -> None:
    async with deps.work.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def test_the_fact_of_a_registration_carries_the_whole_account_and_no_secret(deps: Deps) -> None:
    user = await registered(deps)
    (fact,) = await facts(deps, f"user/{user.id}")
    assert fact["source"] == "/auth"
    assert fact["ownerid"] == user.id
    assert fact["data"]["username"] == user.username
    assert fact["data"]["status"] == "active"
    assert "argon2" not in str(fact)


async def test_registering_the_same_command_twice_is_refused_and_says_nothing_more(deps: Deps) -> None:
    command = await accounts.prepare_registration("twice-told", "twice@example.org", PASSWORD, None, deps)
    async with deps.work.unit(origin()) as unit:
        await accounts.register(command, unit, deps)
    with pytest.raises(UsernameTaken):
        async with deps.work.unit(origin()) as unit:
            await accounts.register(command, unit, deps)
    assert len(await facts(deps, f"user/{command.user_id}")) == 1


async def test_a_crash_before_the_commit_leaves_neither_account_nor_fact(deps: Deps) -> None:
    command = await accounts.prepare_registration("never-was", "never@example.org", PASSWORD, None, deps)

    async def crash() -> None:
        async with deps.work.unit(origin()) as unit:
            await accounts.register(command, unit, deps)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert await facts(deps, f"user/{command.user_id}") == []
    async with deps.work.unit(origin()) as unit:
        assert (await accounts.register(command, unit, deps)).username == "never-was"


async def test_a_suspended_account_is_told_so_only_with_the_right_password(deps: Deps) -> None:
    user = await registered(deps)
    pair = await signed_in(deps, user.username)
    await executed(deps, "UPDATE users SET status = 'suspended' WHERE id = CAST(:id AS uuid)", id=user.id)
    with pytest.raises(InvalidCredentials):
        await signed_in(deps, user.username, "wrong wrong wrong")
    with pytest.raises(AccountSuspended):
        await signed_in(deps, user.username)
    with pytest.raises(AccountSuspended):
        await sessions.refresh(pair.refresh_token, HOME, origin(), deps)
    with pytest.raises(Unauthenticated):
        await accounts.account(user.id, pair.session.id, deps)
    reasons = [fact["data"]["reason"] for fact in await facts(deps, f"login/{user.id}")]
    assert reasons == ["invalid_credentials", "account_suspended"]


async def test_a_deleted_account_cannot_sign_in_and_looks_unknown(deps: Deps) -> None:
    user = await registered(deps)
    pair = await signed_in(deps, user.username)
    await executed(deps, "UPDATE users SET status = 'deleted' WHERE id = CAST(:id AS uuid)", id=user.id)
    with pytest.raises(InvalidCredentials):
        await signed_in(deps, user.username)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(pair.refresh_token, HOME, origin(), deps)


async def test_signing_in_renews_a_hash_with_older_parameters(url: str, clock: FixedClock) -> None:
    async with auth_deps(url, clock=clock, password_memory_kib=32) as older:
        user = await registered(older)
    async with auth_deps(url, clock=clock) as deps:
        for _ in range(2):
            await signed_in(deps, user.username)
        async with deps.work.read() as connection:
            query = text("SELECT hash FROM passwords WHERE user_id = CAST(:id AS uuid)")
            assert "m=64," in (await connection.execute(query, {"id": user.id})).scalar_one()


async def test_many_uses_of_a_spent_token_at_once_end_the_session_once(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    pair = await signed_in(deps, user.username)
    await sessions.refresh(pair.refresh_token, HOME, origin(), deps)
    clock.advance(seconds=11)
    uses = (sessions.refresh(pair.refresh_token, HOME, origin(), deps) for _ in range(8))
    results = await asyncio.gather(*uses, return_exceptions=True)
    assert all(isinstance(result, Unauthenticated) for result in results)
    types = [fact["type"] for fact in await facts(deps, f"session/{pair.session.id}")]
    assert types == ["auth.session.created.v1", "auth.session.reuse_detected.v1", "auth.session.revoked.v1"]
    assert pair.session.id in deps.revocations


async def test_logout_twice_tells_it_once(deps: Deps) -> None:
    pair = await signed_in(deps, (await registered(deps)).username)
    for _ in range(2):
        await sessions.logout(principal_of(pair), origin(), deps)
    assert len(await facts(deps, f"session/{pair.session.id}")) == 2


async def test_nobody_signs_another_person_out(deps: Deps) -> None:
    mine = await signed_in(deps, (await registered(deps)).username)
    theirs = await signed_in(deps, (await registered(deps)).username)
    thief = Principal("user", mine.user.id, theirs.session.id, mine.user.scopes, mine.expires_at)
    await sessions.logout(thief, origin(), deps)
    assert theirs.session.id not in deps.revocations
    await sessions.refresh(theirs.refresh_token, HOME, origin(), deps)


async def test_an_unknown_name_cannot_become_operator(deps: Deps) -> None:
    with pytest.raises(NotFound):
        await operators.grant_operator("nobody-here", deps)


async def test_an_account_that_is_not_there_is_not_shown(deps: Deps) -> None:
    pair = await signed_in(deps, (await registered(deps)).username)
    stranger = UserId("0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11")
    with pytest.raises(Unauthenticated):
        await accounts.account(stranger, pair.session.id, deps)
    with pytest.raises(Unauthenticated):
        await accounts.account(pair.user.id, SessionId(stranger), deps)


async def test_processes_that_start_together_share_one_first_key(postgres: PostgresServer, clock: FixedClock) -> None:
    url = postgres.database("coffer_auth")
    async with auth_deps(url, clock=clock) as one, auth_deps(url, clock=clock) as two, auth_deps(url, clock=clock) as three:
        keys = await asyncio.gather(*(deps.keys.current() for deps in (one, two, three, one, two)))
        assert len({key.id for key in keys}) == 1
        assert len((await three.keys.published())["keys"]) == 1


async def test_keys_rotate_without_a_moment_in_which_a_token_is_signed_with_an_unpublished_key(
    postgres: PostgresServer, clock: FixedClock
) -> None:
    url = postgres.database("coffer_auth")
    async with auth_deps(url, clock=clock) as one, auth_deps(url, clock=clock) as two:
        first = (await one.keys.current()).id
        await two.keys.current()
        clock.advance(days=90)
        assert (await one.keys.current()).id == first
        clock.advance(minutes=2)
        assert [len((await deps.keys.published())["keys"]) for deps in (one, two)] == [2, 2]
        assert (await two.keys.current()).id == first
        clock.advance(minutes=9)
        second = (await one.keys.current()).id
        assert (await two.keys.current()).id == second != first
        assert len((await one.keys.published())["keys"]) == 2
        clock.advance(minutes=75)
        assert [key["kid"] for key in (await two.keys.published())["keys"]] == [second]


async def test_a_first_key_from_a_clock_that_is_ahead_is_used(postgres: PostgresServer, clock: FixedClock) -> None:
    url = postgres.database("coffer_auth")
    async with auth_deps(url, clock=clock) as ahead:
        key = await ahead.keys.current()
    clock.advance(seconds=-30)
    async with auth_deps(url, clock=clock) as behind:
        assert (await behind.keys.current()).id == key.id


async def test_another_key_secret_is_noticed_and_explained(postgres: PostgresServer, clock: FixedClock) -> None:
    url = postgres.database("coffer_auth")
    async with auth_deps(url, clock=clock) as deps:
        await deps.keys.current()
    async with auth_deps(url, clock=clock, key_secret="22" * 32) as other:
        with pytest.raises(WrongKeySecret, match="signing_keys"):
            await other.keys.current()


async def test_cleaning_forgets_old_sessions_and_keeps_living_ones(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    old, new = await signed_in(deps, user.username), await signed_in(deps, user.username)
    await sessions.logout(principal_of(old), origin(), deps)
    clock.advance(days=8)
    for _ in range(2):
        for job in jobs(deps):
            await job.run()
    with pytest.raises(Unauthenticated, match="not known"):
        await sessions.refresh(old.refresh_token, HOME, origin(), deps)
    await sessions.refresh(new.refresh_token, HOME, origin(), deps)


async def test_a_token_is_signed_by_the_key_it_names(deps: Deps) -> None:
    pair = await signed_in(deps, (await registered(deps)).username)
    key = await deps.keys.current()
    assert jwt.get_unverified_header(pair.access_token)["kid"] == key.id


async def test_a_password_typed_in_decomposed_letters_still_opens_once_its_hash_was_renewed(url: str) -> None:
    """Keyboards of some systems send letter and accent apart; a hash made at a sign-in is of the same text as the first."""
    typed = "pa\u0308sswo\u0308rter im wald"
    async with auth_deps(url) as before:
        user = await registered(before, password=typed)
    async with auth_deps(url, password_passes=2) as after:
        for _ in range(2):
            assert (await signed_in(after, user.username, typed)).user.id == user.id


async def test_who_loses_the_role_during_a_sign_in_gets_no_token_that_carries_it(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await operators.grant_operator((await registered(deps)).username, deps)
    verify = deps.hashing.verify

    async def demoted_meanwhile(password: str, hashed: str | None) -> bool:
        matches = await verify(password, hashed)
        await operators.revoke_operator(user.username, deps)
        return matches

    monkeypatch.setattr(deps.hashing, "verify", demoted_meanwhile)
    pair = await signed_in(deps, user.username)
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    assert (claims["roles"], [scope for scope in claims["scopes"] if scope.startswith("admin")]) == ([], [])
    assert pair.user.roles == ()
