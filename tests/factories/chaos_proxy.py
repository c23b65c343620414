"""A TCP proxy that does by seed what networks do: cuts connections in the middle, holds them up, freezes, and is down.

It knows nothing of what it carries; `chaos_http` knows more about HTTP.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import Mapping

from factories.chaos_fates import Fates

CHANCES: Mapping[str, float] = {"cut": 0.45, "held up": 0.35, "freeze": 0.05}
"""Of what happens to a connection once it has carried as much as its dice say."""

BYTES_BETWEEN_FAULTS = 60_000
HOLD_UP_SECONDS = 0.2
FREEZE_SECONDS = 0.3
CHUNK_BYTES = 64 * 1024


class FaultProxy:
    """Stands in front of one address. `start` it on the loop that serves, give `port` to clients, `stop` it at the end."""

    def __init__(
        self, name: str, host: str, port: int, seed: int, *, chances: Mapping[str, float] = CHANCES, between: int = 0
    ) -> None:
        """`between`: bytes of a connection between two of its faults, on average."""
        self.fates = Fates(seed, name, chances)
        self.name = name
        self._upstream = (host, port)
        self._between = between or BYTES_BETWEEN_FAULTS
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._moves = asyncio.Event()
        self._moves.set()
        self._is_down = False
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything. May run twice."""
        if self._server is not None:
            self._server.close()
        self._cut_all()
        if self._connections:
            await asyncio.wait(self._connections)

    def calm(self) -> None:
        """From now on everything passes."""
        self.fates.is_calm = True
        self._moves.set()
        self._is_down = False

    def begin(self, seed: int) -> None:
        """Chaos by this seed from now on; connections begin anew, so that each is one of its plan."""
        self.fates = self.fates.under(seed)
        self._cut_all()

    def go_down(self) -> None:
        """Cut every connection and let none in until `come_back`."""
        self._is_down = True
        self._cut_all()

    def come_back(self) -> None:
        """Let connections in again."""
        self._is_down = False

    async def freeze(self, seconds: float) -> None:
        """Nothing moves for a while on any connection; unless it freezes already."""
        if self._moves.is_set():
            self._moves.clear()
            await asyncio.sleep(seconds)
            self._moves.set()

    def _cut_all(self) -> None:
        for task in self._connections:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        ends = [writer]
        try:
            if not self._is_down:
                inner_reader, inner = await asyncio.open_connection(*self._upstream)
                ends.append(inner)
                for one in ends:
                    one.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._carry(reader, writer, inner_reader, inner)
        except (OSError, EOFError, asyncio.CancelledError, ExceptionGroup):
            pass  # either end has left, or chance has cut it
        finally:
            self._connections.discard(task)
            for one in ends:
                one.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner_reader: asyncio.StreamReader,
        inner: asyncio.StreamWriter,
    ) -> None:
        budget = _Budget(self)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(reader, inner, budget))
            tasks.create_task(self._pump(inner_reader, writer, budget))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, budget: "_Budget") -> None:
        while chunk := await source.read(CHUNK_BYTES):
            await self._moves.wait()
            left = budget.spend(len(chunk))
            if left < 0:
                await self._meet(budget.fate, chunk[:left], target)
                chunk = chunk[left:]  # what is left after the fault
                budget.renew()
            target.write(chunk)
            await target.drain()
        raise EOFError

    async def _meet(self, fate: str, before: bytes, target: asyncio.StreamWriter) -> None:
        target.write(before)
        with contextlib.suppress(OSError):
            await target.drain()
        if fate == "cut":
            raise ConnectionResetError("cut by chance")
        if fate == "held up":
            await asyncio.sleep(random.uniform(0, HOLD_UP_SECONDS))
        if fate == "freeze":
            await self.freeze(FREEZE_SECONDS)


class _Budget:
    """How many more bytes a connection carries before its next fault, and which that is."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self.renew()

    def renew(self) -> None:
        """Draw the next fault."""
        fates = self._proxy.fates
        dice = fates.dice("connection") if not fates.is_calm else random.Random(0)
        self._left = round(dice.expovariate(1 / self._proxy._between))
        self._dice = dice

    @property
    def fate(self) -> str:
        """What happens now."""
        return self._proxy.fates.draw("connection", self._dice)

    def spend(self, count: int) -> int:
        """Count bytes; below zero when the fault lies that far behind their beginning, counted from their end."""
        self._left -= count
        return min(self._left, 0)
