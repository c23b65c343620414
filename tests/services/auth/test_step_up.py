"""Step-up: what a session must have proved, how lately, and what wrong proofs cost."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coffer_auth.domain.attempts import ATTEMPT_LIMITS
from coffer_auth.domain.step_up import Proofs
from coffer_auth.handlers import mfa, sessions, step_up
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.devices import sign_out_device
from coffer_auth.handlers.mfa_login import login_with_code
from coffer_auth.handlers.step_up import Asker
from coffer_auth.store import mfa as factors
from coffer_auth.store import users
from coffer_chassis.testing import NOON, FixedClock, eventually
from coffer_contracts.problems import (
    InvalidCredentials,
    MfaInvalid,
    MfaRequired,
    StepUpRequired,
    TooManyAttempts,
    Unauthenticated,
)
from factories.accounts import HOME, PASSWORD, origin, registered
from factories.factors import App, Member, asker_of, member, signed_in


@pytest.fixture
async def ada(deps: Deps, clock: FixedClock) -> Member:
    return await member(deps, clock)


async def changes_something(deps: Deps, asker: Asker) -> None:
    """What a command about security settings begins with."""
    async with deps.work.unit(asker.origin) as unit:
        await step_up.require_proof(unit.connection, asker.principal, unit.now)


async def test_a_proof_lasts_fifteen_minutes_and_is_renewed(deps: Deps, clock: FixedClock) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    clock.advance(minutes=14, seconds=59)
    await changes_something(deps, asker)
    clock.advance(seconds=1)
    with pytest.raises(StepUpRequired) as refusal:
        await changes_something(deps, asker)
    assert refusal.value.extensions["methods"] == ["password"]
    until, _ = await step_up.step_up(Shown(password=PASSWORD), asker, deps)
    assert until == clock.now() + timedelta(minutes=15)
    await changes_something(deps, asker)


async def test_where_a_factor_is_on_a_password_alone_is_no_proof(deps: Deps, clock: FixedClock, ada: Member) -> None:
    clock.advance(minutes=16)
    with pytest.raises(StepUpRequired) as refusal:
        await step_up.step_up(Shown(password=PASSWORD), ada.asker, deps)
    assert refusal.value.extensions["methods"] == ["password", "totp", "recovery_code"]
    assert await step_up.step_up(Shown(PASSWORD, ada.app.code()), ada.asker, deps)
    await changes_something(deps, ada.asker)


async def test_a_session_from_before_the_factor_has_to_show_a_code(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    old, new = [asker_of(await signed_in(deps, user)) for _ in range(2)]
    setup = await mfa.begin_totp(Shown(password=PASSWORD), user.username, new, deps)
    await mfa.confirm_totp(App(setup.secret, clock).code(), new, deps)
    await changes_something(deps, new)
    with pytest.raises(StepUpRequired):
        await changes_something(deps, old)


async def test_a_session_that_ended_proves_nothing(deps: Deps) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    await sessions.logout(asker.principal, origin(), deps)
    with pytest.raises(Unauthenticated):
        await step_up.step_up(Shown(password=PASSWORD), asker, deps)
    with pytest.raises(Unauthenticated):
        await changes_something(deps, asker)


async def test_nobody_proves_with_somebody_elses_session(deps: Deps) -> None:
    mine, theirs = [asker_of(await signed_in(deps, await registered(deps))) for _ in range(2)]
    mixed = Asker(
        principal=type(mine.principal)(
            "user", mine.principal.user_id, theirs.principal.session_id, frozenset(), mine.principal.expires_at
        ),
        caller=mine.caller,
        origin=mine.origin,
    )
    with pytest.raises(Unauthenticated):
        await changes_something(deps, mixed)


async def test_a_thief_of_a_session_cannot_guess_the_password_and_locks_nobody_out(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    stolen = asker_of(await signed_in(deps, user))
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await step_up.step_up(Shown(password="wrong wrong wrong"), stolen, deps)
    with pytest.raises(TooManyAttempts) as refusal:
        await step_up.step_up(Shown(password=PASSWORD), stolen, deps)
    assert refusal.value.retry_after_seconds
    mine = asker_of(await signed_in(deps, user))
    assert await step_up.step_up(Shown(password=PASSWORD), mine, deps)
    clock.advance(minutes=16)
    assert await step_up.step_up(Shown(password=PASSWORD), stolen, deps)


async def test_what_fails_behind_a_proof_leaves_no_trace(deps: Deps, ada: Member) -> None:
    async def fail(_unit: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await step_up.prove(Shown(PASSWORD, recovery_code=ada.recovery_codes[0]), ada.asker, deps, fail)
    assert (await mfa.standing(ada.asker.principal, deps)).codes_left == 10


def test_proofs_are_as_old_as_the_older_of_both() -> None:
    old, new = NOON, NOON + timedelta(minutes=5)
    assert Proofs(new, old, factor=True).valid_until() == old + timedelta(minutes=15)
    assert Proofs(new, old, factor=False).valid_until() == new + timedelta(minutes=15)
    assert Proofs(new, None, factor=True).valid_until() is None


def test_what_was_shown_shows_nothing_in_a_log() -> None:
    assert "otters" not in repr(Shown("four quiet otters", "287082", "7hk2-m0qa-9x4d-c1vz"))


async def test_signing_another_device_out_needs_a_fresh_proof_and_signing_oneself_out_does_not(
    deps: Deps, clock: FixedClock
) -> None:
    user = await registered(deps)
    here, there = [asker_of(await signed_in(deps, user)) for _ in range(2)]
    clock.advance(minutes=16)
    with pytest.raises(StepUpRequired):
        await sign_out_device(here.principal, there.principal.session_id, here.caller, here.origin, deps)
    await sign_out_device(here.principal, here.principal.session_id, here.caller, here.origin, deps)
    await step_up.step_up(Shown(password=PASSWORD), there, deps)


async def test_guesses_at_once_are_counted_like_guesses_in_a_row(deps: Deps, ada: Member) -> None:
    guesses = (mfa.rotate_codes(Shown(code=ada.app.wrong()), ada.asker, deps) for _ in range(25))
    ends = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(end, MfaInvalid) for end in ends) == ATTEMPT_LIMITS["proof"]
    assert sum(isinstance(end, TooManyAttempts) for end in ends) == 25 - ATTEMPT_LIMITS["proof"]


@pytest.mark.parametrize("act", ["sign in", "turn off", "confirm"])
async def test_whoever_holds_the_account_is_not_kept_from_what_belongs_to_it(deps: Deps, clock: FixedClock, act: str) -> None:
    """An operator who shuts the account locks it, its factor, waiting sign-ins and sessions, in this order."""
    ada = await member(deps, clock)
    doing: Awaitable[object]
    if act == "sign in":
        with pytest.raises(MfaRequired) as refusal:
            await signed_in(deps, ada.user)
        answer = Answer(str(refusal.value.extensions["mfa_token"]), Shown(code=ada.app.code()), HOME)
        doing = login_with_code(answer, origin(), deps)
    elif act == "turn off":
        doing = mfa.disable_totp(Shown(PASSWORD, ada.app.code()), ada.asker, deps)
    else:
        await mfa.disable_totp(Shown(PASSWORD, ada.app.code()), ada.asker, deps)
        setup = await mfa.begin_totp(Shown(password=PASSWORD), ada.user.username, ada.asker, deps)
        doing = mfa.confirm_totp(App(setup.secret, clock).code(), ada.asker, deps)
    async with deps.work.engine.begin() as connection:
        await users.lock_user(connection, ada.user.id)
        task = asyncio.ensure_future(doing)

        async def it_waits() -> bool:
            async with deps.work.read() as other:
                waiting = await other.execute(
                    text(
                        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity"
                        " WHERE datname = current_database())"
                    )
                )
                return task.done() or waiting.scalar_one() > 0

        await eventually(it_waits, within_seconds=10)
        assert not task.done()
        await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        await factors.lock_factor(connection, ada.user.id)
        await factors.end_challenges_of(connection, ada.user.id)
        await connection.execute(text("UPDATE sessions SET agent = agent WHERE user_id = :id"), {"id": ada.user.id})
    [end] = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(end, DBAPIError)
