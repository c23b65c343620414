"""Passwords cannot be guessed, from one network or from many, and nobody is locked out of their account by those who try."""

import pytest

from coffer_auth.domain.accounts import User
from coffer_auth.domain.attempts import ATTEMPT_LIMITS
from coffer_auth.handlers import sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_auth.store import attempts
from coffer_auth.store import sessions as store
from coffer_chassis.callers import Caller
from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import InvalidCredentials, Problem, TooManyAttempts, Unauthenticated
from factories.accounts import PASSWORD, origin, registered

HOME, CAFE = "192.0.2.7", "203.0.113.50"


async def sign_in(deps: Deps, login: str, address: str, *, password: str = PASSWORD, device: str | None = None) -> TokenPair:
    return await sessions.login(Login(login, password, None, Caller(address, None), device), origin(), deps)


async def guess(deps: Deps, login: str, address: str, *, device: str | None = None) -> type[Problem]:
    """How one wrong password is answered."""
    with pytest.raises(Problem) as refused:
        await sign_in(deps, login, address, password="not this one", device=device)
    return type(refused.value)


async def guess_from_many(deps: Deps, login: str) -> list[type[Problem]]:
    """One guess each from more networks than the account's counter takes."""
    return [await guess(deps, login, f"198.51.100.{number}") for number in range(ATTEMPT_LIMITS["account"] + 5)]


async def failures(deps: Deps, *tries: tuple[str, str]) -> None:
    """The same on record as after wrong passwords, by login and address."""
    async with deps.work.engine.begin() as connection:
        for login, address in tries:
            await attempts.count_failure(connection, attempts.counters(login, address), deps.work.clock.now())


async def guessed_at(deps: Deps, login: str) -> None:
    """The account's counter is full of failures from elsewhere."""
    await failures(deps, *((login, f"198.51.100.{number}") for number in range(ATTEMPT_LIMITS["account"])))
    assert await guess(deps, login, "198.51.100.222") is TooManyAttempts


async def known_at_home(deps: Deps) -> User:
    """Somebody who has signed in from home before."""
    user = await registered(deps)
    await sign_in(deps, user.username, HOME)
    return user


async def test_guesses_from_one_network_end_after_ten_and_harm_nobody_else(deps: Deps) -> None:
    user = await known_at_home(deps)
    answers = [await guess(deps, user.username, "198.51.100.1") for _ in range(12)]
    assert answers == [*[InvalidCredentials] * 10, TooManyAttempts, TooManyAttempts]
    for elsewhere in (HOME, CAFE):
        assert (await sign_in(deps, user.username, elsewhere)).user.id == user.id


@pytest.mark.slow
async def test_guesses_from_many_networks_end_too_but_not_for_whoever_comes_from_a_known_one(deps: Deps) -> None:
    user = await known_at_home(deps)
    answers = await guess_from_many(deps, user.username)
    assert answers == [*[InvalidCredentials] * 50, *[TooManyAttempts] * 5]
    assert (await sign_in(deps, user.username, HOME)).user.id == user.id
    # Nor does their sign-in give the others a new window.
    assert await guess(deps, user.username, "198.51.100.200") is TooManyAttempts
    assert (await sign_in(deps, user.email, HOME)).user.id == user.id


@pytest.mark.slow
async def test_a_stranger_who_keeps_guessing_for_hours_locks_nobody_out_at_home(deps: Deps, clock: FixedClock) -> None:
    user = await known_at_home(deps)
    for _ in range(3):
        await guessed_at(deps, user.username)
        assert (await sign_in(deps, user.username, HOME)).user.id == user.id
        clock.advance(minutes=15, seconds=1)


async def test_a_known_network_still_takes_ten_guesses_only(deps: Deps) -> None:
    user = await known_at_home(deps)
    await guessed_at(deps, user.username)
    answers = [await guess(deps, user.username, HOME) for _ in range(11)]
    assert answers == [*[InvalidCredentials] * 10, TooManyAttempts]


@pytest.mark.slow
async def test_a_network_full_of_failures_at_other_names_does_not_keep_out_who_is_known_there(deps: Deps) -> None:
    user, office = await registered(deps), "192.0.2.99"
    await sign_in(deps, user.username, office)
    await failures(deps, *((f"ghost-{new_id()}", office) for _ in range(ATTEMPT_LIMITS["address"])))
    assert await guess(deps, f"ghost-{new_id()}", office) is TooManyAttempts
    assert (await sign_in(deps, user.username, office)).user.id == user.id
    with pytest.raises(TooManyAttempts):
        await sign_in(deps, (await registered(deps)).username, office)


async def test_a_known_device_is_kept_out_by_no_neighbour_and_nowhere(deps: Deps) -> None:
    user = await registered(deps)
    pair = await sign_in(deps, user.username, HOME)
    await guessed_at(deps, user.username)
    for _ in range(11):
        await guess(deps, user.username, HOME)
    with pytest.raises(TooManyAttempts):
        await sign_in(deps, user.username, HOME)
    for where in (HOME, CAFE):
        assert (await sign_in(deps, user.username, where, device=pair.refresh_token)).user.id == user.id


async def test_a_token_that_is_spent_and_of_a_session_that_is_over_still_shows_the_device(deps: Deps) -> None:
    user = await registered(deps)
    pair = await sign_in(deps, user.username, HOME)
    await sessions.refresh(pair.refresh_token, Caller(HOME, None), origin(), deps)
    async with deps.work.unit(origin()) as unit:
        await store.revoke(unit.connection, user.id, "logout", unit.now)
    await guessed_at(deps, user.username)
    assert (await sign_in(deps, user.username, CAFE, device=pair.refresh_token)).user.id == user.id


async def test_a_device_has_guesses_of_its_own_and_no_more_than_ten(deps: Deps) -> None:
    user = await registered(deps)
    pair = await sign_in(deps, user.username, HOME)
    answers = [await guess(deps, user.username, CAFE, device=pair.refresh_token) for _ in range(11)]
    assert answers == [*[InvalidCredentials] * 10, TooManyAttempts]


async def test_the_device_of_another_account_is_no_proof(deps: Deps) -> None:
    user, other = await registered(deps), await registered(deps)
    pair = await sign_in(deps, other.username, CAFE)
    await guessed_at(deps, user.username)
    for proof in (pair.refresh_token, "cof_ref_made-up", ""):
        assert await guess(deps, user.username, CAFE, device=proof) is TooManyAttempts


async def test_a_stolen_session_makes_neither_its_network_nor_its_device_known(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    pair = await sign_in(deps, user.username, CAFE)
    await sessions.refresh(pair.refresh_token, Caller(CAFE, None), origin(), deps)
    clock.advance(minutes=1)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(pair.refresh_token, Caller("198.51.100.66", None), origin(), deps)
    await guessed_at(deps, user.username)
    for proof in (None, pair.refresh_token):
        assert await guess(deps, user.username, CAFE, device=proof) is TooManyAttempts


async def test_ipv6_is_counted_and_known_by_its_64(deps: Deps) -> None:
    user = await registered(deps)
    await sign_in(deps, user.username, "2001:db8:7:1::1")
    answers = [await guess(deps, user.username, f"2001:db8:bad:1::{number:x}") for number in range(11)]
    assert answers == [*[InvalidCredentials] * 10, TooManyAttempts]
    await guessed_at(deps, user.username)
    assert (await sign_in(deps, user.username, "2001:db8:7:1:aaaa::9")).user.id == user.id
    with pytest.raises(TooManyAttempts):
        await sign_in(deps, user.username, "2001:db8:7:2::1")


@pytest.mark.slow
async def test_a_name_that_does_not_exist_is_answered_like_one_that_does_whatever_is_shown(deps: Deps) -> None:
    user, ghost = await registered(deps), f"ghost-{new_id()}"
    pair = await sign_in(deps, user.username, HOME)
    for name in (ghost, user.username):
        assert await guess_from_many(deps, name) == [*[InvalidCredentials] * 50, *[TooManyAttempts] * 5]
        assert await guess(deps, name, CAFE, device="cof_ref_made-up") is TooManyAttempts
    assert await guess(deps, ghost, HOME, device=pair.refresh_token) is TooManyAttempts
