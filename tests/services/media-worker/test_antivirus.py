"""The optional virus scanner: what it says, what it does not say in time, and what follows from either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.blobs import Blobs
from coffer_chassis.handling import Retry
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Work
from coffer_contracts.catalog import parse
from coffer_media_worker.antivirus import Clamd, Scanned, ScannerDownError
from coffer_media_worker.handlers import judging
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.scanning import Antivirus
from coffer_media_worker.settings import MediaWorkerSettings
from coffer_media_worker.store import tables
from factories import images
from factories.databases import Database
from factories.events import arrived, upload_received
from factories.scanners import CLAMD, Double, clamd_at, double_at


async def pieces_of(content: bytes, length: int = 128 << 10) -> AsyncIterator[bytes]:
    for at in range(0, len(content), length):
        yield content[at : at + length]


async def asked(path: Path, double: Double, content: bytes = b"hello", seconds: float = 30.0) -> Scanned:
    async with double_at(path, double) as address:
        return await Clamd(address, seconds=seconds).scan(pieces_of(content))


@pytest.mark.parametrize(
    ("reply", "scanned"),
    [
        (b"stream: OK\0", Scanned()),
        (b"stream: Eicar-Signature FOUND\0", Scanned(found="Eicar-Signature")),
        (b"stream: <b>\xff FOUND\0", Scanned(found="_b__")),
        (b"INSTREAM size limit exceeded. ERROR\0", Scanned(too_large=True)),
    ],
)
async def test_an_answer_is_understood(tmp_path: Path, reply: bytes, scanned: Scanned) -> None:
    assert await asked(tmp_path / "s", Double(reply)) == scanned


async def test_a_file_goes_through_in_its_own_pieces(tmp_path: Path) -> None:
    double, content = Double(), images.noise(1 << 20)
    await asked(tmp_path / "s", double, content)
    assert double.files == [content]
    assert max(double.pieces) <= 128 << 10


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [(b"", 30.0), (b"stream: OK", 30.0), (b"stream: what ERROR\0", 30.0), (b"x" * 100_000, 30.0), (None, 0.1)],
    ids=["nothing", "half an answer", "an error", "too much", "silence"],
)
async def test_what_is_no_answer_in_time_is_a_scanner_that_is_down(tmp_path: Path, reply: bytes | None, seconds: float) -> None:
    with pytest.raises(ScannerDownError):
        await asked(tmp_path / "s", Double(reply), seconds=seconds)


@pytest.mark.parametrize("address", ["unix:/nowhere/at/all", "tcp:127.0.0.1:1"])
async def test_a_scanner_that_is_not_there_is_down(address: str) -> None:
    with pytest.raises(ScannerDownError):
        await Clamd(address, seconds=1.0).scan(pieces_of(b"hello"))


async def test_an_answer_that_comes_before_the_end_is_heard(tmp_path: Path) -> None:
    double = Double(b"INSTREAM size limit exceeded. ERROR\0", takes=100_000)
    assert await asked(tmp_path / "s", double, images.noise(8 << 20)) == Scanned(too_large=True)


async def test_a_bucket_that_fails_is_not_taken_for_the_scanner(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ConnectionError("the bucket")

    async with double_at(tmp_path / "s", Double()) as address:
        with pytest.raises(ConnectionError, match="the bucket"):
            await Clamd(address, seconds=30.0).scan(failing())


async def test_no_more_are_asked_about_at_once_than_there_are_turns(tmp_path: Path) -> None:
    double = Double()
    async with double_at(tmp_path / "s", double) as address:
        clamd = Clamd(address, seconds=30.0)
        await asyncio.gather(*(clamd.scan(pieces_of(b"%d" % number)) for number in range(50)))
    assert len(double.files) == 50


@pytest.mark.parametrize("address", ["/run/clamd", "tcp:host", "http:host:1", "unix:"])
def test_an_odd_address_is_refused(address: str) -> None:
    known: dict[str, Any] = {"database_url": "postgresql://x", "cursor_key": "00" * 32}
    with pytest.raises(ValidationError):
        MediaWorkerSettings(**known, antivirus_address=address)
    assert MediaWorkerSettings(**known).antivirus() is None


class Answers:
    """A scanner that says what it was told to."""

    def __init__(self, answer: Scanned | Exception) -> None:
        self.answer = answer
        self.asked = 0

    async def scan(self, pieces: AsyncIterator[bytes]) -> Scanned:
        self.asked += 1
        async for _ in pieces:
            pass
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def deps(database: Database) -> AsyncIterator[Deps]:
    engine = create_async_engine(database("coffer_media_worker"))
    clock = FixedClock()
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    children: Any = None
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def told(deps: Deps, antivirus: Antivirus, content: bytes = b"hello", name: str = "a.txt") -> Any:
    """The fact that follows; None if there is none."""
    etag = await deps.blobs.write("blobs/a/b", content, content_type="a/b")
    fact = upload_received(key="blobs/a/b", etag=etag, size_bytes=len(content), name=name, claimed=None)
    await judging.on_upload_received(arrived(fact), replace(deps, antivirus=antivirus))
    async with deps.work.read() as connection:
        bodies = (await connection.execute(select(tables.chassis.outbox.c.body))).scalars().all()
    facts = [parse(body).data for body in bodies]
    return next((one for one in facts if one.upload_id == fact.upload_id), None)  # type: ignore[attr-defined]  # all are verdicts


DOWN, LARGE = ScannerDownError("away"), Scanned(too_large=True)


async def test_what_it_says_becomes_the_verdict(deps: Deps) -> None:
    clean = await told(deps, Antivirus(Answers(Scanned()), "retry", "fail_open", 100))
    assert (clean.type, clean.flags) == ("media.upload.cleared.v1", ())
    found = await told(deps, Antivirus(Answers(Scanned("Eicar")), "retry", "fail_open", 100))
    assert (found.type, found.reason) == ("media.upload.rejected.v1", "infected")
    assert found.detail.endswith("It calls it Eicar.")


@pytest.mark.parametrize("answer", [DOWN, LARGE], ids=["down", "too large"])
async def test_no_answer_is_the_policy_s_to_decide(deps: Deps, answer: Any) -> None:
    kept = await told(deps, Antivirus(Answers(answer), "fail_open", "fail_open", 100))
    assert (kept.type, kept.flags) == ("media.upload.cleared.v1", ("unscanned",))
    refused = await told(deps, Antivirus(Answers(answer), "fail_closed", "fail_closed", 100))
    assert (refused.type, refused.reason) == ("media.upload.rejected.v1", "not_scanned")


async def test_a_scanner_that_is_down_may_be_asked_again_and_nothing_is_told_before(deps: Deps) -> None:
    with pytest.raises(Retry):
        await told(deps, Antivirus(Answers(DOWN), "retry", "fail_open", 100))
    async with deps.work.read() as connection:
        assert (await connection.execute(select(tables.chassis.outbox.c.id))).all() == []


async def test_what_is_too_long_empty_or_refused_already_is_not_sent(deps: Deps) -> None:
    scanner = Answers(Scanned())
    antivirus = Antivirus(scanner, "retry", "fail_closed", 4)
    assert (await told(deps, antivirus)).reason == "not_scanned"
    assert (await told(deps, antivirus, b"")).type == "media.upload.cleared.v1"
    assert (await told(deps, replace(antivirus, max_bytes=9999), images.program(), "a.jpg")).reason == "executable_in_disguise"
    assert scanner.asked == 0


async def test_a_file_that_waits_for_its_turn_holds_no_connection_to_the_bucket(deps: Deps) -> None:
    blobs = Counted(deps.blobs)

    class Busy:
        async def scan(self, pieces: AsyncIterator[bytes]) -> Scanned:
            assert blobs.opened == 0
            assert b"".join([piece async for piece in pieces]) == b"hello"
            assert (blobs.opened, blobs.closed) == (1, 1)
            return Scanned()

    class Hasty:
        async def scan(self, pieces: AsyncIterator[bytes]) -> Scanned:
            await anext(pieces)
            return Scanned(found="x")

    counted: Any = blobs
    for scanner in (Busy(), Hasty()):
        assert await told(replace(deps, blobs=counted), Antivirus(scanner, "retry", "fail_open", 100))
    assert (blobs.opened, blobs.closed) == (2, 2), "what is left before its end is closed"


class Counted:
    """The bucket, and how many objects were opened and closed again."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.opened = self.closed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    @asynccontextmanager
    async def stream(self, key: str, *, etag: str | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._blobs.stream(key, etag=etag) as pieces:
            self.opened += 1
            try:
                yield pieces
            finally:
                self.closed += 1


async def test_bytes_that_go_away_get_no_verdict(deps: Deps) -> None:
    fact = upload_received(key="blobs/a/gone", etag="e", size_bytes=5)
    antivirus = Antivirus(Answers(Scanned()), "retry", "fail_open", 100)
    await judging.on_upload_received(arrived(fact), replace(deps, antivirus=antivirus))
    async with deps.work.read() as connection:
        assert (await connection.execute(select(tables.chassis.outbox.c.id))).all() == []


@pytest.mark.slow
@pytest.mark.skipif(CLAMD is None, reason="there is no clamd here: apt-get install clamav-daemon")
async def test_debian_s_clamd_finds_the_test_file_by_our_own_signature(tmp_path: Path) -> None:
    async with clamd_at(tmp_path) as address:
        clamd = Clamd(address, seconds=30.0)
        assert await clamd.scan(pieces_of(b"hello")) == Scanned()
        # By hash alone clamd adds to a name that nobody has signed it.
        assert (await clamd.scan(pieces_of(images.eicar()))).found == "Coffer.Test.UNOFFICIAL"
        packed = images.archive({"a.txt": images.eicar()})
        assert (await clamd.scan(pieces_of(packed, 7))).found == "Coffer.Test.UNOFFICIAL"
        assert await clamd.scan(pieces_of(images.noise(4 << 20))) == Scanned(too_large=True)
