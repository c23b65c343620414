"""Long answers: sent as they are made, and over when either side ends it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from coffer_chassis.byte_stream import ByteStream


class Client:
    """The other end of one answer."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            await self.reads.wait()
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


class Source:
    """Pieces, and whether they were closed."""

    def __init__(self, *pieces: bytes, fails: Exception | None = None, waits: bool = False) -> None:
        self.pieces, self.fails, self.waits = pieces, fails, waits
        self.given, self.is_closed = 0, False

    async def run(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                self.given += 1
                yield piece
            if self.waits:
                await asyncio.Event().wait()
            if self.fails:
                raise self.fails
        finally:
            self.is_closed = True


async def answer(source: Source, client: Client) -> None:
    stream = ByteStream(source.run(), {"Content-Type": "application/zip"})
    await stream.to_asgi_response()({}, client.receive, client.send)


async def test_pieces_are_sent_as_they_come_and_then_the_end() -> None:
    client, source = Client(), Source(b"one", b"", b"two")
    await answer(source, client)
    assert client.messages[0] == {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/zip")],
    }
    assert [message["more_body"] for message in client.messages[1:]] == [True, True, False]
    assert client.body == b"onetwo"
    assert source.is_closed


async def test_a_failure_breaks_the_answer_off() -> None:
    client, source = Client(), Source(b"one", fails=RuntimeError("half"))
    with pytest.raises(RuntimeError, match="half"):
        await answer(source, client)
    assert client.messages[-1]["more_body"] is True
    assert source.is_closed


@pytest.mark.parametrize("waits", [True, False], ids=["it waits for more", "it waits for the client"])
async def test_when_the_client_leaves_nothing_more_is_made(waits: bool) -> None:  # a parameter of the test
    client, source = Client(), Source(b"one", *([] if waits else [b"x"] * 100), waits=waits)
    if not waits:
        client.reads.clear()
    running = asyncio.create_task(answer(source, client))
    for _ in range(10):
        await asyncio.sleep(0)
    client.gone.set()
    await running
    assert source.is_closed
    assert source.given == 1
    assert client.messages[-1:] != [{"type": "http.response.body", "body": b"", "more_body": False}]


async def test_whoever_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_chassis.byte_stream.STALLED_SECONDS", 0.01)
    client, source = Client(), Source(b"one", b"two")
    client.reads.clear()
    answering = asyncio.create_task(answer(source, client))
    done, _ = await asyncio.wait({answering}, timeout=10)
    answering.cancel()
    assert done
    with pytest.raises(TimeoutError):
        answering.result()
    assert (client.body, source.given, source.is_closed) == (b"", 1, True)
