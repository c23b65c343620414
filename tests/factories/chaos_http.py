"""The fault proxy for S3, SNS and SQS: it reads requests, so that it can refuse one as AWS would, or lose its answer."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from factories.chaos_proxy import CHUNK_BYTES, FREEZE_SECONDS, HOLD_UP_SECONDS, FaultProxy

CHANCES: Mapping[str, float] = {
    "slow down": 0.03,
    "cut in request": 0.02,
    "answer lost": 0.03,
    "cut in answer": 0.02,
    "held up": 0.06,
    "freeze": 0.005,
}
"""Of one request."""


@dataclass(frozen=True)
class _Head:
    """What a request says before its body."""

    raw: bytes
    method: str
    path: str
    fields: Mapping[str, str]

    @property
    def length(self) -> int:
        return int(self.fields.get("content-length", "0"))

    @property
    def kind(self) -> str:
        """What is asked for, as far as the plan tells requests apart."""
        return self.fields.get("x-amz-target") or f"{self.method} {self.path.split('/')[1]}"


class HttpFaultProxy(FaultProxy):
    """One request at a time, each with a fate of its own; connections are kept alive between them."""

    def __init__(self, name: str, host: str, port: int, seed: int, *, chances: Mapping[str, float] = CHANCES) -> None:
        super().__init__(name, host, port, seed, chances=chances)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner_reader: asyncio.StreamReader,
        inner: asyncio.StreamWriter,
    ) -> None:
        answers = _Answers(self, inner_reader, writer)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(answers.pass_on())
            while True:
                head = _parse(await reader.readuntil(b"\r\n\r\n"))
                await self._moves.wait()
                await self._ask(head, reader, writer, inner, answers)

    async def _ask(
        self,
        head: _Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner: asyncio.StreamWriter,
        answers: "_Answers",
    ) -> None:
        dice = random.Random(0) if self.fates.is_calm else self.fates.dice(head.kind)
        fate = self.fates.draw(head.kind, dice)
        if fate == "slow down":
            if "expect" not in head.fields:  # otherwise the body waits for a word that will not come
                await _read(reader, head.length)
            writer.write(refusal(head.fields))
            await writer.drain()
            raise EOFError
        if fate == "held up":
            await asyncio.sleep(dice.uniform(0, HOLD_UP_SECONDS))
        if fate == "freeze":
            await self.freeze(FREEZE_SECONDS)
        answers.let = {"answer lost": 0, "cut in answer": dice.randrange(1, 400)}.get(fate)
        inner.write(head.raw)
        count = head.length if fate != "cut in request" else head.length // 2
        await _read(reader, count, inner)
        if fate == "cut in request":
            raise ConnectionResetError("cut by chance")


class _Answers:
    """What comes back: passed on as it is, up to `let` bytes if that is set."""

    def __init__(self, proxy: FaultProxy, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._source = source
        self._target = target
        self.let: int | None = None

    async def pass_on(self) -> None:
        while chunk := await self._source.read(CHUNK_BYTES):
            await self._proxy._moves.wait()
            if self.let is not None:
                self._target.write(chunk[: self.let])
                await self._target.drain()
                raise ConnectionResetError("cut by chance")
            self._target.write(chunk)
            await self._target.drain()
        raise EOFError


def _parse(raw: bytes) -> _Head:
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines if line)
    return _Head(raw, method, path, {name.strip().lower(): value.strip() for name, _, value in fields})


async def _read(source: asyncio.StreamReader, count: int, target: asyncio.StreamWriter | None = None) -> None:
    """Take a body of so many bytes, and pass it on if there is somewhere to."""
    while count > 0:
        chunk = await source.read(min(count, CHUNK_BYTES))
        if not chunk:
            raise EOFError
        count -= len(chunk)
        if target is not None:
            target.write(chunk)
            await target.drain()


def refusal(fields: Mapping[str, str]) -> bytes:
    """What S3 (503 SlowDown), SQS (RequestThrottled) and SNS (Throttling) say to whoever asks too much, each in its own form
    (error responses of the three API references).
    """
    sentence = "Please reduce your request rate."
    if "x-amz-target" in fields:
        kind, status = "application/x-amz-json-1.0", "400 Bad Request"
        body = f'{{"__type":"com.amazonaws.sqs#RequestThrottled","message":"{sentence}"}}'
    elif "json" in fields.get("content-type", ""):
        kind, status = "application/json", "429 Too Many Requests"
        body = f'{{"__type":"TooManyRequestsException","message":"{sentence}"}}'
    elif "urlencoded" in fields.get("content-type", ""):
        kind, status = "text/xml", "400 Bad Request"
        error = f"<Error><Type>Sender</Type><Code>Throttling</Code><Message>{sentence}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>chaos</RequestId></ErrorResponse>"
    else:
        kind, status = "application/xml", "503 Slow Down"
        body = f"<Error><Code>SlowDown</Code><Message>{sentence}</Message></Error>"
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return (head + body).encode()
