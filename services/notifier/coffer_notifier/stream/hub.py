"""One hub per process: a single reader of the stream's table that hands each row to the connections of its person.

Woken by the stream's topic and by a poll behind it. A connection joins between two rounds of the reader, so what it reads
from the store and what it is handed meet without a gap; what it knows already is dropped by its place.
"""

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import metrics
from coffer_chassis.identity import Principal
from coffer_chassis.pauses import back_off, sleep_until
from coffer_contracts.ids import UserId
from coffer_contracts.problems import RateLimited, Unavailable
from coffer_notifier.domain.places import Place, StreamId, can_resume, stream_id_in
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import stream
from coffer_notifier.store.stream import Row
from coffer_notifier.stream.blocks import beat_block, event_block, place_block, retrying
from coffer_notifier.stream.connection import NOT_YET, Connection, End
from coffer_notifier.stream.seating import Seats
from coffer_notifier.stream.telling import blocks_of

POLL_SECONDS = 1.0
DEBOUNCE_SECONDS = 0.02
PAGE = 100
"""Rows of one round: all of them for one reader must fit into its buffer, or it would be taken for slow."""
MOST_RESUMED = 500
"""A reader who missed more than this begins anew: reading the lists is cheaper."""
BEAT_SECONDS = 20.0
AGAIN_SECONDS = 2.0
"""After how long a hint is repeated whose reason other services learn on their own."""
READY_SECONDS = 3.0
BACK_OFF_SECONDS = (0.2, 5.0)
RETRY_MILLISECONDS = (1000, 4000)
"""Spread, so that all who lost a process do not come back at once."""

FULL_SECONDS = (5, 15)
"""After how long somebody may ask again whom the process had no room for; spread for the same reason."""

Left = Literal["nothing", "more", "held up"]
"""Held up: it is there, behind a transaction that still runs."""

log = structlog.get_logger(__name__)


class Hub:
    """The live streams of one process. `run` until told to stop; then every stream ends and none begins."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._engine = deps.work.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._seats = Seats(self._engine)
        self._readers: dict[UserId, set[Connection]] = {}
        self._open = 0
        self._place: Place | None = None
        """Everything up to here was handed out; None until the hub runs."""
        self._joins = 0
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._stopped = False

    def poke(self) -> None:
        """Look for new rows now, if there is anybody to tell. Cheap; for wake-ups."""
        if self._readers:
            self._news.set()

    def __len__(self) -> int:
        """How many streams are open."""
        return self._open

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve the streams until `stopping` is set. Survives failures of the store; streams stay open meanwhile."""
        self._stopped = False
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._stop())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(stopping))
                tasks.create_task(self._watch(stopping))
                tasks.create_task(self._seats.run(stopping))
        finally:
            stop.cancel()
            self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self._ready.clear()
        self._place = None
        self._news.set()
        for connection in self._all():
            connection.close("stopping")

    async def open(self, principal: Principal, topics: frozenset[str], last_id: str | None) -> Connection:
        """A stream for the caller: from the present on, or from the place of `last_id`. The caller of this must `leave`.

        Raises RateLimited when the person has too many, Unavailable while the hub does not run or the process has too many.
        """
        if len(self) >= self._deps.settings.streams_per_process:
            metrics.SSE_REFUSED.labels("process").inc()
            wait = random.randint(*FULL_SECONDS)  # noqa: S311  # spread, no secret
            raise Unavailable("This process serves as many streams as it may.", retry_after_seconds=wait)
        if len(self._readers.get(principal.user_id, ())) >= self._deps.settings.streams_per_user:
            raise self._too_many()
        connection = Connection(principal.user_id, principal.session_id, principal.expires_at, topics)
        # Taken before the first await: requests that come together must not all find room.
        self._readers.setdefault(principal.user_id, set()).add(connection)
        self._open += 1
        metrics.SSE_CONNECTIONS.inc()
        try:
            await self._begin(connection, last_id)
        except BaseException:
            self.leave(connection)
            raise
        return connection

    def _too_many(self) -> RateLimited:
        metrics.SSE_REFUSED.labels("person").inc()
        told = f"At most {self._deps.settings.streams_per_user} streams of one person are served at a time."
        return RateLimited(told, retry_after_seconds=30, violated_policies=["streams"])

    def leave(self, connection: Connection, why: End = "gone") -> None:
        """Forget a connection. May run twice."""
        connection.close(why)
        theirs = self._readers.get(connection.user_id, set())
        if connection not in theirs:
            return
        theirs.discard(connection)
        if connection.seat is not None:
            self._seats.leave(connection.user_id, connection.seat)
        self._open -= 1
        if not theirs:
            self._readers.pop(connection.user_id, None)
        metrics.SSE_CONNECTIONS.dec()
        metrics.SSE_ENDED.labels(connection.end).inc()

    async def _begin(self, connection: Connection, last_id: str | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
                await self._seats.known.wait()
        if self._seats.known.is_set():
            connection.seat = await self._seats.take(connection.user_id, self._deps.settings.streams_per_user)
            if connection.seat is None:
                raise self._too_many()
        joined = self._place
        if joined is None or self._stopped:
            raise Unavailable("Streams are not served at this moment.", retry_after_seconds=1)
        # From here on rows after `joined` are handed to the connection; those up to it are read below.
        self._joins += 1
        now = self._deps.work.clock.now()
        here = StreamId(joined, now)
        connection.after = joined
        blocks: list[bytes] | None = [place_block(here)]
        if last_id is not None:
            blocks = await self._missed(connection, last_id, joined)
        if blocks is None:
            connection.after = joined
            blocks = [event_block("reset", {}, here)]
        wait = random.randint(*RETRY_MILLISECONDS)  # noqa: S311  # spread, no secret
        connection.begin([retrying(wait, blocks[0]), *blocks[1:]])
        # Spread too: signs of life for all who came together would hold up whatever is to be told at that moment.
        connection.beat_at = asyncio.get_running_loop().time() + BEAT_SECONDS * random.uniform(0.5, 1)  # noqa: S311

    async def _missed(self, connection: Connection, last_id: str, joined: Place) -> list[bytes] | None:
        """What the reader missed since the place of its id; None if that cannot be told."""
        after = stream_id_in(last_id)
        if after is None:
            return None
        # Another process may have been ahead of this one: what it told already must not be told again.
        connection.after = max(joined, after.place)
        now = self._deps.work.clock.now()
        kept_since = now - timedelta(hours=self._deps.settings.stream_keep_hours)
        async with self._deps.work.read() as reader:
            if not can_resume(after, await stream.horizon(reader), kept_since):
                return None
            user_id = connection.user_id
            rows = (await stream.after(reader, after.place, MOST_RESUMED + 1, user_id=user_id, until=joined)).rows
            if len(rows) > MOST_RESUMED:
                return None
            told = [place_block(StreamId(after.place, after.at))]
            last_hint = max((row.place for row in rows if row.event == "change"), default=None)
            shown = await blocks_of(reader, rows, now)
            told += [
                block
                for row, block in shown
                if row.topic in connection.topics and (row.event != "change" or row.place == last_hint)
            ]
        return told

    async def _read(self, stopping: asyncio.Event) -> None:
        failures = waits = 0
        while not stopping.is_set():
            self._news.clear()
            try:
                left = await self._round()
                failures = 0
            except Exception as error:  # noqa: BLE001  # whatever it is, streams outlive it
                failures += 1
                log.warning("stream_not_read", error=repr(error), failures=failures)
                await sleep_until(stopping, back_off(failures, BACK_OFF_SECONDS))
                continue
            waits = waits + 1 if left == "held up" else 0
            if left == "nothing":
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), POLL_SECONDS)
            # What comes in bursts is read in one go.
            await sleep_until(stopping, min(POLL_SECONDS, DEBOUNCE_SECONDS * 2 ** min(waits, 10)))

    async def _round(self) -> Left:
        """Hand out what is new; what is left to hand out already."""
        async with self._engine.connect() as reader:
            if self._place is None or not self._readers:
                await self._skip(reader)
                return "nothing"
            page = await stream.after(reader, self._place, PAGE)
            shown: list[tuple[Row, bytes]] = []
            seen: set[UserId] = set()
            # Whoever joins while blocks are made counts on these rows as well.
            while missing := [row for row in page.rows if row.user_id in self._readers and row.user_id not in seen]:
                seen |= {row.user_id for row in missing}
                shown += await blocks_of(reader, missing, self._deps.work.clock.now())
            if self._stopped:
                return "nothing"
            # Before the connection is given back: whoever joined in that pause would be told to begin before these rows.
            self._hand_out(sorted(shown, key=lambda one: one[0].place))
            if page.rows:
                self._place = page.rows[-1].place
        if page.is_held_up:
            return "held up"
        return "more" if len(page.rows) == PAGE else "nothing"

    async def _skip(self, reader: AsyncConnection) -> None:
        """Go to the present: nobody is here to be told. Whoever joined meanwhile was told to begin at the place before."""
        joins = self._joins
        place = Place(await stream.horizon(reader), 0)
        if not self._stopped and (self._place is None or joins == self._joins):
            self._place = place
            self._ready.set()

    def _hand_out(self, shown: list[tuple[Row, bytes]]) -> None:
        hints: dict[UserId, tuple[Row, bytes]] = {}
        for row, block in shown:
            if row.event == "change":
                hints[row.user_id] = (row, block)
        for user_id in {row.user_id for row, _ in shown if row.event == "change" and row.data.get("again")}:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._hint_again, user_id)
        now = self._deps.work.clock.now()
        for row, block in shown:
            last = hints.get(row.user_id)
            is_hint = row.event == "change"
            if is_hint and last is not None and last[0] is not row:
                continue
            for connection in self._readers.get(row.user_id, ()):
                if row.topic not in connection.topics or row.place <= connection.after:
                    continue
                (connection.push_hint if is_hint else connection.push)(block)
                metrics.SSE_LAG_SECONDS.observe(max(0.0, (now - row.at).total_seconds()))

    def _hint_again(self, user_id: UserId) -> None:
        for connection in self._readers.get(user_id, ()):
            if "changes" in connection.topics and connection.after is not NOT_YET:
                connection.push(event_block("change", {}, None))

    async def _watch(self, stopping: asyncio.Event) -> None:
        """Ends streams whose token has run out or was revoked, and gives signs of life."""
        loop = asyncio.get_running_loop()
        denied = self._deps.denied.revocations
        while not stopping.is_set():
            now, tick = self._deps.work.clock.now(), loop.time()
            for connection in self._all():
                if connection.expires_at <= now:
                    connection.close("expired")
                elif connection.session_id in denied:
                    connection.close("revoked")
                elif tick >= connection.beat_at and self._place is not None:
                    connection.beat_at = tick + BEAT_SECONDS
                    connection.push(beat_block(StreamId(max(self._place, connection.after), now)))
            await sleep_until(stopping, POLL_SECONDS)

    def _all(self) -> Iterable[Connection]:
        return [connection for theirs in self._readers.values() for connection in theirs]
