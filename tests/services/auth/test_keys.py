"""Signing keys in the hands of operators: rotated early, withdrawn, and what becomes of the people who are signed in."""

import argparse
import asyncio
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from coffer_auth import __main__ as commands
from coffer_auth.app import TOPOLOGY, build_verifier
from coffer_auth.domain.sessions import ACCESS_LIFE
from coffer_auth.handlers import access_tokens, sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login, TokenPair
from coffer_auth.store.access_tokens import signed_by
from coffer_chassis import keysets
from coffer_chassis.admin.acts import of_shell
from coffer_chassis.admin.operations import Operations
from coffer_chassis.identity import Verifier
from coffer_chassis.keysets import BELIEVED_FOR, REFRESH_EVERY
from coffer_chassis.settings import CofferSettings, TrustedIssuer
from coffer_chassis.signing.acts import drop_key, rotate_keys
from coffer_chassis.signing.keys import PUBLISHED_BEFORE_USE, PUBLISHED_BEYOND
from coffer_chassis.signing.ring import RELOAD_EVERY
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import NotFound, Unauthenticated
from factories.accounts import HOME, PASSWORD, auth_deps, facts, origin, registered
from factories.databases import PostgresServer
from factories.factors import asker_of, token_of
from factories.operators import operations_of


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """A database of its own for each test: keys are all that is in it."""
    return postgres.database("coffer_auth")


@pytest.fixture(autouse=True)
def _issuer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keysets, "PATIENCE_SECONDS", 60)


@pytest.fixture
def operations(deps: Deps) -> Operations:
    return operations_of(TOPOLOGY, deps.work)


@pytest.fixture
def service(deps: Deps, clock: FixedClock, tmp_path: Path) -> Verifier:
    """Any other service: it knows of auth what the key set's address says."""

    async def fetch(_url: str) -> bytes:
        return json.dumps(await deps.keys.published()).encode()

    trusted = TrustedIssuer(issuer=deps.issuer, jwks_url="https://auth.example.org/jwks.json", kinds=("access", "pat"))
    return Verifier((trusted,), tmp_path, clock, fetch=fetch)


async def signed_in(deps: Deps) -> TokenPair:
    user = await registered(deps)
    return await sessions.login(Login(user.username, PASSWORD, "a test", HOME), origin(), deps)


async def renewed(pair: TokenPair, deps: Deps) -> TokenPair:
    return await sessions.refresh(pair.refresh_token, HOME, origin(), deps)


def key_of(pair: TokenPair) -> str:
    return str(jwt.get_unverified_header(pair.access_token)["kid"])


async def test_a_rotation_refuses_nobody_at_any_moment(
    deps: Deps, operations: Operations, service: Verifier, clock: FixedClock
) -> None:
    pair = await signed_in(deps)
    first = key_of(pair)
    await service.verify(pair.access_token)
    await rotate_keys(operations, of_shell(), deps.keys)
    used: list[str] = []
    elapsed = timedelta()
    while elapsed < PUBLISHED_BEFORE_USE + ACCESS_LIFE + PUBLISHED_BEYOND + timedelta(minutes=10):
        await service.verify(pair.access_token)
        clock.advance(seconds=295)
        elapsed += timedelta(seconds=295)
        await service.verify(pair.access_token)
        pair = await renewed(pair, deps)
        await service.verify(pair.access_token)
        used.append(key_of(pair))
    assert used[0] == first
    assert len(set(used)) == 2
    assert [key.id for key in await deps.keys.stored()] == [used[-1]]


async def test_rotating_twice_makes_one_key(deps: Deps, operations: Operations) -> None:
    await deps.keys.current()
    results = await asyncio.gather(*(rotate_keys(operations, of_shell(), deps.keys) for _ in range(3)))
    assert len({key.id for key, _ in results}) == 1
    assert sorted(fresh for _, fresh in results) == [False, False, True]
    assert len(await deps.keys.stored()) == 2


async def test_rotating_an_empty_store_makes_the_first_key(deps: Deps, operations: Operations, clock: FixedClock) -> None:
    key, fresh = await rotate_keys(operations, of_shell(), deps.keys)
    assert (fresh, key.usable_from) == (True, clock.now())
    assert (await deps.keys.current()).id == key.id


async def test_tokens_of_a_dropped_key_are_refused_within_the_documented_bound(
    url: str, deps: Deps, operations: Operations, service: Verifier, clock: FixedClock
) -> None:
    pair = await signed_in(deps)
    stolen = pair.access_token
    await service.verify(stolen)
    async with auth_deps(url, clock=clock) as elsewhere:
        await drop_key(operations_of(TOPOLOGY, elsewhere.work), of_shell(), elsewhere.keys, key_of(pair))
        assert key_of(await renewed(pair, elsewhere)) != key_of(pair)
    # The worst case: a service looks just before the process it asks has noticed.
    clock.advance(seconds=RELOAD_EVERY.total_seconds() - 1)
    await service.verify(stolen)
    clock.advance(seconds=1 + BELIEVED_FOR.total_seconds())
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await service.verify(stolen)
    await service.verify((await signed_in(deps)).access_token)


async def test_dropping_the_key_in_use_signs_nobody_out(
    deps: Deps, operations: Operations, service: Verifier, clock: FixedClock
) -> None:
    pair = await signed_in(deps)
    await service.verify(pair.access_token)
    dropped = key_of(pair)
    successor, _ = await drop_key(operations, of_shell(), deps.keys, dropped)
    pair = await renewed(pair, deps)
    assert key_of(pair) == successor.id
    clock.advance(seconds=REFRESH_EVERY.total_seconds())
    assert (await service.verify(pair.access_token)).user_id == pair.user.id


async def test_dropping_a_key_brings_the_waiting_one_forward(deps: Deps, operations: Operations, clock: FixedClock) -> None:
    first = (await deps.keys.current()).id
    waiting, _ = await rotate_keys(operations, of_shell(), deps.keys)
    successor, _ = await drop_key(operations, of_shell(), deps.keys, first)
    assert successor.id == waiting.id == (await deps.keys.current()).id
    assert [key.usable_from for key in await deps.keys.stored()] == [clock.now()]


async def test_dropping_a_key_that_waits_leaves_the_one_in_use(deps: Deps, operations: Operations) -> None:
    first = (await deps.keys.current()).id
    waiting, _ = await rotate_keys(operations, of_shell(), deps.keys)
    assert (await drop_key(operations, of_shell(), deps.keys, waiting.id))[0].id == first
    with pytest.raises(NotFound):
        await drop_key(operations, of_shell(), deps.keys, waiting.id)


async def test_auth_itself_believes_a_dropped_key_no_longer_than_others(
    deps: Deps, operations: Operations, clock: FixedClock, tmp_path: Path
) -> None:
    own = build_verifier(CofferSettings(home=tmp_path), deps)
    pair = await signed_in(deps)
    await own.verify(pair.access_token)
    await drop_key(operations, of_shell(), deps.keys, key_of(pair))
    clock.advance(seconds=BELIEVED_FOR.total_seconds())
    with pytest.raises(Unauthenticated):
        await own.verify(pair.access_token)


async def test_personal_tokens_of_a_dropped_key_end_and_are_counted_before_their_owners_ask(
    deps: Deps, operations: Operations, service: Verifier, clock: FixedClock
) -> None:
    asker = asker_of(await signed_in(deps))
    token, revoked = await token_of(deps, asker), await token_of(deps, asker)
    await access_tokens.revoke(revoked.id, asker, deps)
    _, shown = await access_tokens.signed(token.id, deps)
    await service.verify(shown)
    _, ended = await drop_key(operations, of_shell(), deps.keys, token.key_id, signed_by)
    assert ended == 1
    clock.advance(seconds=BELIEVED_FOR.total_seconds())
    with pytest.raises(Unauthenticated):
        await service.verify(shown)
    await service.verify((await access_tokens.signed((await token_of(deps, asker)).id, deps))[1])


async def test_what_operators_do_to_keys_is_on_record_and_nothing_secret_of_it(deps: Deps, operations: Operations) -> None:
    first = (await deps.keys.current()).id
    waiting, _ = await rotate_keys(operations, of_shell(), deps.keys)
    await drop_key(operations, of_shell(), deps.keys, first)
    async with deps.work.read() as connection:
        bodies = (await connection.exec_driver_sql("SELECT body FROM outbox ORDER BY created_at, id")).scalars().all()
    told = [body for body in bodies if "auth.operator.acted.v1" in str(body)]
    assert [f"keys.{word}" in str(body) for word, body in zip(("rotated", "dropped"), told, strict=True)] == [True, True]
    sealed = [key.sealed_private_key.hex() for key in await deps.keys.stored()]
    assert not any(secret in str(body) for secret in sealed for body in told)
    assert (await facts(deps, f"key/{waiting.id}")) == []


async def test_the_commands_say_what_they_did(deps: Deps, operations: Operations, capsys: pytest.CaptureFixture[str]) -> None:
    running: Any = SimpleNamespace(deps=deps, operations=operations, work=deps.work)
    first = (await deps.keys.current()).id

    async def said(name: str, expected: int = 0, **arguments: str) -> str:
        assert await commands.EXTRAS[name].run(running, argparse.Namespace(**arguments)) == expected
        captured = capsys.readouterr()
        return captured.out + captured.err

    assert "signs since" in await said("list-keys")
    assert "Nobody is signed out" in await said("rotate-keys")
    assert "published already" in await said("rotate-keys")
    assert (await said("list-keys")).count("signs from") == 1
    assert f"{first} is withdrawn" in await said("drop-key", key=first)
    assert "There is no signing key" in await said("drop-key", expected=1, key=first)
    assert first not in await said("list-keys")
