"""A client of the live stream of a running Coffer, in a thread of its own."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import httpx

from factories.people import Person

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


class Listener:
    """A client of the live stream: keeps what it hears."""

    def __init__(self, person: Person, last_id: str | None = None) -> None:
        self.heard: list[dict[str, Any]] = []
        self.last_id = last_id
        self._person = person
        self._begun = threading.Event()
        self._news = threading.Condition()
        self._line: socket.socket | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(WITHIN_SECONDS), "the stream did not begin"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._line is not None
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _listen(self) -> None:
        headers = dict(self._person.http.headers) | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        client = httpx.Client(base_url=self._person.http.base_url, headers=headers, timeout=60)
        with client, client.stream("GET", "/v1/stream") as answer, suppress(httpx.TransportError):
            assert answer.headers["content-type"].startswith("text/event-stream")
            self._line = answer.extensions["network_stream"].get_extra_info("socket")
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                    continue
                self.last_id = event.get("id", self.last_id)
                if "event" in event:
                    with self._news:
                        self.heard.append({"event": event["event"], "data": json.loads(event["data"])})
                        self._news.notify_all()
                event = {}
                self._begun.set()

    def count(self, event: str) -> int:
        """How many such events were heard."""
        return sum(heard["event"] == event for heard in list(self.heard))

    def wait_until(self, done: Callable[[], bool], *, within_seconds: float = WITHIN_SECONDS) -> None:
        """Look again after everything that is heard; raises AssertionError at the deadline."""
        deadline = time.monotonic() + within_seconds
        with self._news:
            while not done():
                left = deadline - time.monotonic()
                assert left > 0, f"not in {self.heard}"
                self._news.wait(left)

    def wait_for(self, event: str, *, within_seconds: float = WITHIN_SECONDS, **about: Any) -> dict[str, Any]:
        """The data of the first such event that says this."""

        def said() -> list[dict[str, Any]]:
            told = [heard["data"] for heard in list(self.heard) if heard["event"] == event]
            return [data for data in told if about.items() <= data.items()]

        self.wait_until(lambda: bool(said()), within_seconds=within_seconds)
        return said()[0]


@contextmanager
def listening(person: Person, last_id: str | None = None) -> Iterator[Listener]:
    """Listen to what a person is told, from now on or from where an earlier stream was cut."""
    with Listener(person, last_id) as listener:
        yield listener
