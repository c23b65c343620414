"""Second factors: codes that count once, recovery codes, and what wrong ones cost."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from coffer_auth.domain.accounts import User
from coffer_auth.handlers import mfa, mfa_login, sessions, step_up
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_chassis.callers import Caller
from coffer_chassis.identity import Verifier
from coffer_chassis.signing.keys import WrongKeySecret
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import (
    AccountSuspended,
    InvalidCredentials,
    MfaInvalid,
    MfaRequired,
    NotFound,
    StateConflict,
    TooManyAttempts,
    Unauthenticated,
)
from factories.accounts import HOME, PASSWORD, Issuer, auth_deps, facts, origin, registered
from factories.factors import App, Member, asker_of, member, signed_in

ELSEWHERE = Caller("198.51.100.9", "coffer-tests/1")


@pytest.fixture
async def ada(deps: Deps, clock: FixedClock) -> Member:
    return await member(deps, clock)


async def asked(deps: Deps, user: User, caller: Caller = HOME) -> str:
    """The token of a sign-in whose password was right."""
    with pytest.raises(MfaRequired) as refusal:
        await sessions.login(Login(user.username, PASSWORD, "a test", caller), origin(), deps)
    assert refusal.value.extensions["methods"] == ["totp", "recovery_code"]
    return str(refusal.value.extensions["mfa_token"])


async def carried_on(deps: Deps, token: str, caller: Caller = HOME, **shown: str) -> TokenPair:
    return await mfa_login.login_with_code(Answer(token, Shown(**shown), caller), origin(), deps)


async def types(deps: Deps, user: User) -> list[str]:
    return [fact["type"] for fact in await facts(deps, f"mfa/{user.id}")]


async def test_a_sign_in_needs_password_and_code_and_the_session_has_proved_both(deps: Deps, ada: Member) -> None:
    pair = await carried_on(deps, await asked(deps, ada.user), code=ada.app.code())
    assert pair.session.device_name == "a test"
    standing = await mfa.standing(asker_of(pair).principal, deps)
    assert standing.on
    assert standing.codes_left == 10
    assert standing.proved_until == deps.work.clock.now() + timedelta(minutes=15)


async def test_turning_it_on_tells_so_without_a_secret(deps: Deps, ada: Member) -> None:
    (fact,) = await facts(deps, f"mfa/{ada.user.id}")
    assert fact["type"] == "auth.mfa.enabled.v1"
    assert fact["data"]["codes_count"] == 10
    assert fact["data"]["address"] == HOME.address
    assert ada.app.secret not in str(fact)
    assert not any(code in str(fact) for code in ada.recovery_codes)


async def test_the_store_holds_neither_the_secret_nor_a_recovery_code(deps: Deps, ada: Member) -> None:
    async with deps.work.read() as connection:
        sealed = (await connection.execute(text("SELECT sealed_secret FROM second_factors"))).scalars().all()
        stored = (await connection.execute(text("SELECT digest FROM recovery_codes"))).scalars().all()
    assert not any(ada.app.secret.encode() in bytes(one) for one in sealed if one)
    assert not any(code.encode() in bytes(digest) for digest in stored for code in ada.recovery_codes)


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_codes_of_one_step_on_each_side_are_taken(
    deps: Deps, clock: FixedClock, ada: Member, steps: int, right: bool
) -> None:
    clock.advance(minutes=5)
    token = await asked(deps, ada.user)
    if right:
        assert await carried_on(deps, token, code=ada.app.code(steps))
    else:
        with pytest.raises(MfaInvalid):
            await carried_on(deps, token, code=ada.app.code(steps))


async def test_a_code_is_taken_once_also_by_processes_that_race(url: str, clock: FixedClock, deps: Deps, ada: Member) -> None:
    tokens = [await asked(deps, ada.user) for _ in range(6)]
    async with auth_deps(url, clock=clock) as other:
        uses = (carried_on(one, token, code=ada.app.code()) for one, token in zip([deps, other] * 3, tokens, strict=True))
        results = await asyncio.gather(*uses, return_exceptions=True)
    assert sum(isinstance(result, TokenPair) for result in results) == 1
    assert sum(isinstance(result, MfaInvalid | TooManyAttempts) for result in results) == 5


async def test_a_code_older_than_one_that_was_taken_is_refused(deps: Deps, ada: Member) -> None:
    await carried_on(deps, await asked(deps, ada.user), code=ada.app.code(1))
    for steps in (0, 1):
        with pytest.raises(MfaInvalid):
            await carried_on(deps, await asked(deps, ada.user), code=ada.app.code(steps))


async def test_a_recovery_code_opens_once_however_it_is_typed(deps: Deps, ada: Member) -> None:
    typed = ada.recovery_codes[0].upper().replace("-", " ")
    await carried_on(deps, await asked(deps, ada.user), recovery_code=typed)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, await asked(deps, ada.user), recovery_code=ada.recovery_codes[0])
    enabled, used = await facts(deps, f"mfa/{ada.user.id}")
    assert [enabled["sequence"], used["sequence"]] == ["000000000001", "000000000002"]
    assert used["type"] == "auth.mfa.recovery_used.v1"
    assert used["data"]["codes_count"] == 9


async def test_of_many_uses_of_one_recovery_code_at_once_one_succeeds(deps: Deps, ada: Member) -> None:
    tokens = [await asked(deps, ada.user) for _ in range(5)]
    uses = (carried_on(deps, token, recovery_code=ada.recovery_codes[3]) for token in tokens)
    results = await asyncio.gather(*uses, return_exceptions=True)
    assert sum(isinstance(result, TokenPair) for result in results) == 1


async def test_somebody_elses_recovery_code_opens_nothing(deps: Deps, clock: FixedClock, ada: Member) -> None:
    other = await member(deps, clock)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, await asked(deps, ada.user), recovery_code=other.recovery_codes[0])


async def test_the_token_of_a_waiting_sign_in_opens_one_session(deps: Deps, clock: FixedClock, ada: Member) -> None:
    token = await asked(deps, ada.user)
    await carried_on(deps, token, code=ada.app.code())
    clock.advance(seconds=30)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, token, code=ada.app.code())


async def test_a_waiting_sign_in_is_carried_on_from_where_it_began_only(deps: Deps, ada: Member) -> None:
    token = await asked(deps, ada.user)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, token, ELSEWHERE, code=ada.app.code())
    assert await carried_on(deps, token, code=ada.app.code())


async def test_a_waiting_sign_in_ends_after_five_minutes(deps: Deps, clock: FixedClock, ada: Member) -> None:
    token = await asked(deps, ada.user)
    clock.advance(minutes=5)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, token, code=ada.app.code())


async def test_no_verifier_takes_the_token_of_a_waiting_sign_in(
    deps: Deps, clock: FixedClock, ada: Member, tmp_path: Path
) -> None:
    issuer = Issuer()
    verifier = Verifier((issuer.trusted,), tmp_path, clock, fetch=issuer.fetch)
    token = await asked(deps, ada.user)
    for shown in (token, f"cof_pat_{token}", token.removeprefix("cof_mfa_")):
        with pytest.raises(Unauthenticated):
            await verifier.verify(shown)


async def test_five_wrong_codes_end_a_waiting_sign_in_and_the_account_waits(deps: Deps, clock: FixedClock, ada: Member) -> None:
    token = await asked(deps, ada.user)
    for _ in range(5):
        with pytest.raises(MfaInvalid):
            await carried_on(deps, token, code=ada.app.wrong())
    with pytest.raises(MfaInvalid):
        await carried_on(deps, token, recovery_code=ada.recovery_codes[0])
    again = await asked(deps, ada.user)
    with pytest.raises(TooManyAttempts) as refusal:
        await carried_on(deps, again, code=ada.app.code())
    assert refusal.value.retry_after_seconds == 31
    clock.advance(seconds=30)
    assert await carried_on(deps, again, code=ada.app.code())


async def test_while_codes_are_refused_a_recovery_code_and_a_living_session_go_on(deps: Deps, ada: Member) -> None:
    token = await asked(deps, ada.user)
    for _ in range(5):
        with pytest.raises(MfaInvalid):
            await carried_on(deps, token, code=ada.app.wrong())
    until, _ = await step_up.step_up(Shown(PASSWORD, ada.app.code()), ada.asker, deps)
    assert until > deps.work.clock.now()
    assert await carried_on(deps, await asked(deps, ada.user), recovery_code=ada.recovery_codes[0])


async def test_the_wait_grows_and_a_right_code_ends_it(deps: Deps, clock: FixedClock, ada: Member) -> None:
    waits = []
    for _ in range(8):
        token = await asked(deps, ada.user)
        with pytest.raises((MfaInvalid, TooManyAttempts)) as refusal:
            await carried_on(deps, token, code=ada.app.wrong())
        if wait := refusal.value.retry_after_seconds:
            waits.append(wait)
            clock.advance(seconds=wait)
    assert waits == [31, 61]
    clock.advance(minutes=3)
    await carried_on(deps, await asked(deps, ada.user), code=ada.app.code())
    for _ in range(2):
        with pytest.raises(MfaInvalid):
            await carried_on(deps, await asked(deps, ada.user), code=ada.app.wrong())


async def test_wrong_codes_are_failed_sign_ins_and_told_as_such(deps: Deps, ada: Member) -> None:
    with pytest.raises(MfaInvalid):
        await carried_on(deps, await asked(deps, ada.user), code=ada.app.wrong())
    (fact,) = await facts(deps, f"login/{ada.user.id}")
    assert fact["data"]["reason"] == "mfa_invalid"


async def test_a_suspended_account_gets_no_session_by_a_code(deps: Deps, ada: Member) -> None:
    token = await asked(deps, ada.user)
    async with deps.work.engine.begin() as connection:
        await connection.execute(
            text("UPDATE users SET status = 'suspended' WHERE id = CAST(:id AS uuid)"), {"id": ada.user.id}
        )
    with pytest.raises(AccountSuspended):
        await carried_on(deps, token, code=ada.app.code())


async def test_a_wrong_password_tells_nothing_of_a_second_factor(deps: Deps, ada: Member) -> None:
    with pytest.raises(InvalidCredentials):
        await sessions.login(Login(ada.user.username, "not this one at all", None, HOME), origin(), deps)


async def test_setting_up_needs_the_password_and_counts_nothing_until_confirmed(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    asker = asker_of(await signed_in(deps, user))
    with pytest.raises(InvalidCredentials):
        await mfa.begin_totp(Shown(password="wrong wrong wrong"), user.username, asker, deps)
    with pytest.raises(StateConflict):
        await mfa.confirm_totp("000000", asker, deps)
    first = await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    assert await signed_in(deps, user), "not confirmed yet"
    second = await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    with pytest.raises(MfaInvalid):
        await mfa.confirm_totp(App(first.secret, clock).code(), asker, deps)
    codes = await mfa.confirm_totp(App(second.secret, clock).code(), asker, deps)
    assert len(set(codes)) == 10
    with pytest.raises(StateConflict):
        await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    with pytest.raises(StateConflict):
        await mfa.confirm_totp(App(second.secret, clock).code(1), asker, deps)


async def test_a_setup_that_nobody_confirms_within_an_hour_is_over(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    asker = asker_of(await signed_in(deps, user))
    setup = await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    clock.advance(hours=1)
    await step_up.step_up(Shown(password=PASSWORD), asker, deps)
    with pytest.raises(StateConflict):
        await mfa.confirm_totp(App(setup.secret, clock).code(), asker, deps)


async def test_a_secret_cannot_be_guessed_at_its_confirmation(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    asker = asker_of(await signed_in(deps, user))
    setup = await mfa.begin_totp(Shown(password=PASSWORD), user.username, asker, deps)
    app = App(setup.secret, clock)
    for _ in range(10):
        with pytest.raises(MfaInvalid):
            await mfa.confirm_totp(app.wrong(), asker, deps)
    with pytest.raises(TooManyAttempts):
        await mfa.confirm_totp(app.code(), asker, deps)


async def test_turning_it_off_takes_password_and_code(deps: Deps, ada: Member) -> None:
    with pytest.raises(MfaInvalid):
        await mfa.disable_totp(Shown(PASSWORD, ada.app.wrong()), ada.asker, deps)
    with pytest.raises(InvalidCredentials):
        await mfa.disable_totp(Shown("wrong wrong wrong", ada.app.code()), ada.asker, deps)
    await mfa.disable_totp(Shown(PASSWORD, ada.app.code()), ada.asker, deps)
    assert await signed_in(deps, ada.user)
    with pytest.raises(NotFound):
        await mfa.disable_totp(Shown(PASSWORD, ada.app.code(1)), ada.asker, deps)
    assert await types(deps, ada.user) == ["auth.mfa.enabled.v1", "auth.mfa.disabled.v1"]


async def test_who_lost_the_app_turns_it_off_with_a_recovery_code(deps: Deps, ada: Member) -> None:
    await mfa.disable_totp(Shown(PASSWORD, recovery_code=ada.recovery_codes[5]), ada.asker, deps)
    assert await types(deps, ada.user) == ["auth.mfa.enabled.v1", "auth.mfa.recovery_used.v1", "auth.mfa.disabled.v1"]


async def test_an_operators_reset_works_once_and_says_who_did_it(deps: Deps, ada: Member) -> None:
    done = []
    for _ in range(2):
        async with deps.work.unit(origin()) as unit:
            done.append(await mfa.turn_off(unit, ada.user.id, "operator", HOME))
    assert done == [True, False]
    fact = (await facts(deps, f"mfa/{ada.user.id}"))[-1]
    assert fact["data"]["reason"] == "operator"


async def test_new_recovery_codes_make_the_old_ones_worthless(deps: Deps, ada: Member) -> None:
    fresh = await mfa.rotate_codes(Shown(code=ada.app.code()), ada.asker, deps)
    with pytest.raises(MfaInvalid):
        await carried_on(deps, await asked(deps, ada.user), recovery_code=ada.recovery_codes[0])
    assert await carried_on(deps, await asked(deps, ada.user), recovery_code=fresh[0])
    assert "auth.mfa.codes_rotated.v1" in await types(deps, ada.user)


async def test_without_a_second_factor_there_are_no_codes_to_make(deps: Deps) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    with pytest.raises(StateConflict):
        await mfa.rotate_codes(Shown(code="000000"), asker, deps)


async def test_another_key_secret_is_noticed_and_explained(url: str, clock: FixedClock, deps: Deps, ada: Member) -> None:
    token = await asked(deps, ada.user)
    async with auth_deps(url, clock=clock, key_secret="22" * 32) as other:
        with pytest.raises(WrongKeySecret, match="COFFER_AUTH_KEY_SECRET"):
            await carried_on(other, token, code=ada.app.code())
