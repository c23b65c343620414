"""Idempotency keys on a real store: sent twice, at once, with another body, and when the command fails."""

import asyncio
from typing import Any

import pytest

from coffer_chassis import idempotency
from coffer_chassis.idempotency import Claim, claim, forget_before, once
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import IdempotencyInProgress, IdempotencyKeyReuse, MalformedRequest, NameConflict
from factories.eventing import ORIGIN, TABLES, Store, count, failed


def used(
    key: str = "key-1", *, body: object = None, principal: str = "user/1", route: str = "POST /v1/folders"
) -> Claim | None:
    return claim(key, principal=principal, route=route, body=body or {"name": "Photos"})


async def make(unit: Unit) -> dict[str, Any]:
    await count(unit, "folder")
    unit.emit(failed(), sequence=1)
    return {"id": "folder-1", "nested": {"none": None, "text": "Grüße"}}


async def test_a_repeated_request_has_one_effect_and_the_same_answer(store: Store) -> None:
    first = await once(store.work, ORIGIN, used(), make)
    second = await once(store.work, ORIGIN, used(), make)
    assert first == ({"id": "folder-1", "nested": {"none": None, "text": "Grüße"}}, False)
    assert second == (first[0], True)
    assert await store.counts() == {"folder": 1}
    assert len(await store.rows(TABLES.outbox)) == 1


async def test_the_order_of_fields_makes_no_other_request(store: Store) -> None:
    await once(store.work, ORIGIN, used(body={"a": 1, "b": 2}), make)
    assert (await once(store.work, ORIGIN, used(body={"b": 2, "a": 1}), make))[1]


async def test_another_body_under_the_same_key_is_refused(store: Store) -> None:
    await once(store.work, ORIGIN, used(), make)
    with pytest.raises(IdempotencyKeyReuse):
        await once(store.work, ORIGIN, used(body={"name": "Music"}), make)
    assert await store.counts() == {"folder": 1}


@pytest.mark.parametrize("other", [{"principal": "user/2"}, {"route": "POST /v1/uploads"}, {"key": "key-2"}])
async def test_a_key_counts_for_one_principal_and_route(store: Store, other: dict[str, str]) -> None:
    await once(store.work, ORIGIN, used(), make)
    assert not (await once(store.work, ORIGIN, used(**other), make))[1]
    assert await store.counts() == {"folder": 2}


async def test_without_a_key_every_request_counts(store: Store) -> None:
    for _ in range(2):
        assert not (await once(store.work, ORIGIN, None, make))[1]
    assert await store.counts() == {"folder": 2}


async def test_a_command_that_fails_leaves_no_claim(store: Store) -> None:
    async def refuse(unit: Unit) -> dict[str, Any]:
        await make(unit)
        raise NameConflict

    with pytest.raises(NameConflict):
        await once(store.work, ORIGIN, used(), refuse)
    assert await store.rows(TABLES.idempotency_keys) == []
    assert not (await once(store.work, ORIGIN, used(), make))[1]
    assert await store.counts() == {"folder": 1}


async def test_of_many_requests_at_once_one_has_the_effect_and_all_get_its_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    answers = await asyncio.gather(*(once(store.work, ORIGIN, used(), make) for _ in range(8)))
    assert sorted(replayed for _, replayed in answers) == [False] + [True] * 7
    assert all(answer == answers[0][0] for answer, _ in answers)
    assert await store.counts() == {"folder": 1}


async def test_a_request_whose_first_is_still_running_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 50)
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow(unit: Unit) -> dict[str, Any]:
        running.set()
        await go_on.wait()
        return await make(unit)

    first = asyncio.create_task(once(store.work, ORIGIN, used(), slow))
    await running.wait()
    with pytest.raises(IdempotencyInProgress):
        await once(store.work, ORIGIN, used(), make)
    go_on.set()
    assert not (await first)[1]
    assert (await once(store.work, ORIGIN, used(), make))[1]


async def test_when_the_first_fails_the_second_that_waited_takes_its_place(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    running, go_on = asyncio.Event(), asyncio.Event()

    async def fail(_unit: Unit) -> dict[str, Any]:
        running.set()
        await go_on.wait()
        raise NameConflict

    first = asyncio.create_task(once(store.work, ORIGIN, used(), fail))
    await running.wait()
    second = asyncio.create_task(once(store.work, ORIGIN, used(), make))
    await eventually(store.waits_for_lock)
    go_on.set()
    with pytest.raises(NameConflict):
        await first
    assert not (await second)[1]
    assert await store.counts() == {"folder": 1}


async def test_the_command_itself_may_wait_for_locks_as_long_as_any_other(store: Store) -> None:
    async def ask(unit: Unit) -> dict[str, Any]:
        return {"lock_timeout": (await unit.connection.exec_driver_sql("SHOW lock_timeout")).scalar_one()}

    assert (await once(store.work, ORIGIN, used(), ask))[0] == (await once(store.work, ORIGIN, None, ask))[0]


@pytest.mark.parametrize(
    "key", ["a", "x" * 255, '"quoted"', "  padded  ", "8e03978e-40d5-43dd-bc93-6894a57f9324", '"two words"']
)
def test_takes_a_key_bare_or_quoted(key: str) -> None:
    made = used(key)
    assert made is not None
    assert made.key == key.strip().strip('"')


@pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "a b", "naïve", "a\0b", "a\nb", '"open', 'open"', '"a"b"', "\x7f"])
def test_refuses_a_key_that_is_none(key: str) -> None:
    with pytest.raises(MalformedRequest):
        used(key)


def test_no_header_is_no_claim() -> None:
    assert claim(None, principal="user/1", route="POST /", body={}) is None


async def test_keys_are_forgotten_in_time(store: Store) -> None:
    await once(store.work, ORIGIN, used(), make)
    store.clock.advance(hours=1)
    await once(store.work, ORIGIN, used("key-2"), make)
    async with store.engine.begin() as connection:
        assert await forget_before(connection, TABLES, store.clock.now()) == 1
        assert await forget_before(connection, TABLES, store.clock.now()) == 0
    assert [row.key for row in await store.rows(TABLES.idempotency_keys)] == ["key-2"]
