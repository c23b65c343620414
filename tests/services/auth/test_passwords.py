"""Which passwords are accepted, and hashing in a bounded pool."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from coffer_auth.passwords import accept_password
from coffer_chassis.hashing import Hashing
from coffer_chassis.testing import eventually
from coffer_contracts.problems import PasswordWeak, Unavailable


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    made = Hashing(memory_kib=64, passes=1, threads=2, queue=4)
    yield made
    made.close()


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until it is set, no hash is done."""
    told, compute = threading.Event(), PasswordHasher.hash

    def compute_late(hasher: PasswordHasher, password: str) -> str:
        assert told.wait(60), "the loop stood still"
        return compute(hasher, password)

    monkeypatch.setattr(PasswordHasher, "hash", compute_late)
    return told


@pytest.mark.parametrize(
    "password",
    [
        "four quiet otters",
        "pässwörter sind schwer",
        "Tr0ub4dor&3x",
        "密码要长一点才好用呢",
        "x7" * 5 + "qLm2",
        "🦦🌊 swims at dawn",
    ],
)
def test_accepts_long_passwords_of_any_kind(password: str) -> None:
    assert accept_password(password, username="maria", email="maria@example.org")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too_short"),
        ("9 letters", "too_short"),
        ("x1y2z3" * 43, "too_long"),
        ("password1234", "common"),
        ("P@ssw0rd!!!!", "common"),
        ("passwordpassword", "common"),
        ("qwertyuiop123", "common"),
        ("!!Summer2026!!", "common"),
        ("correcthorsebatterystaple", "common"),
        ("maria is my name", "contains_name"),
        ("MÄRÍA-the-Cat-maria", "contains_name"),
        ("mail maria@example.org", "contains_name"),
        ("aaaaaaaaaaaa", "too_simple"),
        ("abababababab", "too_simple"),
        ("0123456789", "too_simple"),
        ("cdefghijklmn", "too_simple"),
        ("1231231231231", "too_simple"),
        ("broken \ud800 text", "unreadable"),
    ],
)
def test_refuses_passwords_that_are_tried_first(password: str, reason: str) -> None:
    with pytest.raises(PasswordWeak) as refused:
        accept_password(password, username="maria", email="maria@example.org")
    assert reason in {error.code for error in refused.value.errors}
    assert password not in str(refused.value) or not password


async def test_a_hash_is_argon2id_with_its_parameters_and_verifies_only_its_password(hashing: Hashing) -> None:
    hashed = await hashing.hash("four quiet otters")
    assert hashed.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await hashing.verify("four quiet otters", hashed)
    assert not await hashing.verify("four quiet otter", hashed)
    assert await hashing.hash("four quiet otters") != hashed


async def test_composed_and_decomposed_text_are_one_password(hashing: Hashing) -> None:
    accepted = accept_password("pa\u0308sswo\u0308rter im wald", username="maria", email="m@example.org")
    assert await hashing.verify("pässwörter im wald", await hashing.hash(accepted))


@pytest.mark.parametrize("damaged", ["", "no hash", "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA"])
async def test_a_damaged_hash_matches_nothing(hashing: Hashing, damaged: str) -> None:
    assert not await hashing.verify("four quiet otters", damaged)


@pytest.mark.parametrize("password", ["", "\ud800", "x" * 100_000])
async def test_strange_attempts_are_just_wrong(hashing: Hashing, password: str) -> None:
    assert not await hashing.verify(password, await hashing.hash("four quiet otters"))


async def test_no_account_costs_a_verification_and_matches_nothing(hashing: Hashing) -> None:
    assert not await hashing.verify("decoy", None)
    assert not await hashing.verify("anything", None)
    assert hashing.verifications == 2


async def test_knows_hashes_that_were_made_with_older_parameters(hashing: Hashing) -> None:
    older = Hashing(memory_kib=32, passes=1, threads=1, queue=0)
    hashed = await older.hash("four quiet otters")
    older.close()
    assert hashing.outdated(hashed)
    assert not hashing.outdated(await hashing.hash("four quiet otters"))
    assert extract_parameters(hashed).memory_cost == 32


async def test_a_full_queue_refuses_at_once_and_opens_again() -> None:
    hashing = Hashing(memory_kib=8192, passes=1, threads=1, queue=1)
    results = await asyncio.gather(*(hashing.hash("four quiet otters") for _ in range(6)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 4
    assert refused[0].retry_after_seconds
    assert await hashing.hash("four quiet otters")
    hashing.close()


async def test_a_caller_who_leaves_keeps_the_place_until_the_thread_is_free(go_on: threading.Event) -> None:
    hashing = Hashing(memory_kib=64, passes=1, threads=1, queue=0)
    leaving = asyncio.create_task(hashing.hash("four quiet otters"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(Unavailable):
        await hashing.hash("four quiet otters")
    go_on.set()

    async def is_free() -> bool:
        return hashing._places == 1

    await eventually(is_free, within_seconds=60)
    assert await hashing.hash("four quiet otters")
    hashing.close()


async def test_hashing_leaves_the_loop_free(hashing: Hashing, go_on: threading.Event) -> None:
    running = asyncio.gather(*(hashing.hash("four quiet otters") for _ in range(4)))
    for _ in range(16):
        await asyncio.sleep(0)
    assert not running.done()
    go_on.set()
    assert len(set(await running)) == 4
