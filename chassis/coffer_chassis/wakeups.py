"""Wake-ups between the processes of one service: PostgreSQL's LISTEN and NOTIFY on a connection of their own.

They only say "look again". Losing one costs time, never work: whoever listens looks by itself from time to time, too.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.pauses import back_off, sleep_until

OUTBOX = "outbox"
"""The topic of those who emitted something, for relays."""

URGENT = "urgent"
"""The topic of those who emitted something urgent, for the relay of that."""

DEBOUNCE_SECONDS = 0.01
PROBE_SECONDS = 30.0
"""How long the connection may be silent before it is asked whether it still lives."""
PATIENCE_SECONDS = 5
BACK_OFF_SECONDS = (0.1, 10.0)

CLOSE_SECONDS = 1
STEADY_SECONDS = 60.0

_WORD = re.compile("[a-z][a-z0-9:_-]{0,99}")
_NOTIFY = "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic"

log = structlog.get_logger(__name__)


def checked(topic: str) -> str:
    """The topic. Raises ValueError for anything but a word, which is a programming error: not every text can be told."""
    if not _WORD.fullmatch(topic):
        raise ValueError(f"{topic!r} is no topic: a word of small letters, digits and :_-")
    return topic


class Wakeups:
    """One process's end of the wake-ups of its service. Everything is to be called on the event loop."""

    def __init__(self, engine: AsyncEngine, service: str) -> None:
        """`engine` says where the store is; no connection is taken from its pool."""
        self._url = engine.url
        self._service = service
        self._channel = f"coffer-{service}"
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self._followers: dict[str, list[str]] = {}
        self._served_here: set[str] = set()
        self._untold: set[str] = set()
        self._news = asyncio.Event()

    def on(self, topic: str, callback: Callable[[], None], *, enough: bool = False) -> None:
        """Call `callback`, which must be cheap, whenever somebody tells `topic`, and when something may have been missed.

        `enough` says that this process does all there is to do when it tells the topic itself: others are left in peace.
        Raises ValueError for a topic that is no word.
        """
        self._callbacks.setdefault(checked(topic), []).append(callback)
        if enough:
            self._served_here.add(topic)

    def follow(self, topic: str, other: str) -> None:
        """Whenever `topic` is told here, tell `other`, too, whoever does what there is to do for the first.

        Raises ValueError for a topic that is no word.
        """
        self._followers.setdefault(checked(topic), []).append(checked(other))

    def tell(self, topic: str) -> None:
        """Wake those who listen here at once, and those in other processes soon. Never blocks.

        To be called after the commit of what there is to see. Until `run` runs, other processes hear nothing. Raises
        ValueError for a topic that is no word.
        """
        self._wake(checked(topic))
        if topic not in self._served_here:
            self._untold.add(topic)
            self._news.set()
        for other in self._followers.get(topic, ()):
            self.tell(other)

    async def run(self, stopping: asyncio.Event) -> None:
        """Hear and tell until `stopping` is set, then tell what is left. Survives failures of the store by backing off."""
        engine = create_async_engine(
            self._url,
            poolclass=NullPool,
            connect_args={
                "timeout": PATIENCE_SECONDS,
                "command_timeout": PATIENCE_SECONDS,
                "server_settings": {"application_name": f"coffer-{self._service}-wakeups"},
            },
        )
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._news.set())
        failures = 0
        try:
            while not stopping.is_set():
                began = monotonic()
                try:
                    await self._be_connected(engine, stopping)
                except Exception as error:  # noqa: BLE001  # whatever it is, those who listen also look by themselves
                    failures = 1 if monotonic() - began > STEADY_SECONDS else failures + 1
                    log.warning("wakeups_failed", service=self._service, error=repr(error), failures=failures)
                    await sleep_until(stopping, back_off(failures, BACK_OFF_SECONDS))
        finally:
            stop.cancel()
            await engine.dispose()

    async def _be_connected(self, engine: AsyncEngine, stopping: asyncio.Event) -> None:
        async with engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await driver.add_listener(self._channel, self._heard)
                driver.add_termination_listener(lambda _: self._news.set())
                for topic in self._callbacks:
                    self._wake(topic)
                await self._pass_on(driver, stopping)
            finally:
                with suppress(Exception):  # a server that froze would never say good-bye
                    await driver.close(timeout=CLOSE_SECONDS)

    async def _pass_on(self, driver: Any, stopping: asyncio.Event) -> None:
        """Send what is told, at most once per topic and DEBOUNCE_SECONDS, until `stopping` is set. Raises when the
        connection is lost.
        """
        while True:
            try:
                await asyncio.wait_for(self._news.wait(), PROBE_SECONDS)
            except TimeoutError:
                await driver.execute("SELECT 1")
                continue
            self._news.clear()
            topics, self._untold = self._untold, set()
            if driver.is_closed():
                self._untold |= topics
                raise ConnectionError("the connection of wake-ups was closed")
            try:
                if topics:
                    await driver.execute(_NOTIFY, self._channel, sorted(topics))
            except BaseException:
                self._untold |= topics
                raise
            if stopping.is_set():
                return
            await sleep_until(stopping, DEBOUNCE_SECONDS)

    def _heard(self, driver: Any, sender: int, _channel: str, topic: object) -> None:
        if sender != driver.get_server_pid():
            self._wake(str(topic))

    def _wake(self, topic: str) -> None:
        for callback in self._callbacks.get(topic, ()):
            try:
                callback()
            except Exception as error:
                # The teller has committed and must not take it for a failure.
                log.exception("wakeup_callback_failed", service=self._service, topic=topic, error=repr(error))
