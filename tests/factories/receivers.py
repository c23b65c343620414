"""Receivers of webhooks on loopback: they keep what they are sent and answer as they are told, over real sockets."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        """What it says."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Where webhooks arrive."""

    port: int = 0
    scheme: str = "http"
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    """Of the next answers, before `status`."""
    answers: dict[str, str] = field(default_factory=dict)
    """Header fields of answers."""
    clock: str = ""
    """The date that answers have instead of the time."""
    body: bytes = b"thanks"
    calls: list[Call] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)
    """While it is not set, nobody is answered."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        """What it was told of, in the order in which it came."""
        return [call.message["type"] for call in list(self.calls)]


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port until the end."""
    told = Receiver(scheme="https" if tls else "http")
    told.answering.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            told.calls.append(Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            told.answering.wait(60)
            self.send_response(told.statuses.pop(0) if told.statuses else told.status)
            for name, value in told.answers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def do_GET(self) -> None:  # whoever follows a redirect comes so
            self.do_POST()

        def date_time_string(self, timestamp: float | None = None) -> str:
            """The date of an answer: what it is told to say, else the time."""
            return told.clock or super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError, ssl.SSLError):
                super().handle()

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever leaves in the middle is not missed."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield told
        finally:
            told.answering.set()
            server.shutdown()
            thread.join()


@contextmanager
def hanging() -> Iterator[str]:
    """The address of a host that takes every connection and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
