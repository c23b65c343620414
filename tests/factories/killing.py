"""A way to the bucket that ends the one who asks: a process is killed right before or right after its request took effect."""

import http.client
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

When = Literal["before", "after"]


@dataclass
class Killer:
    """Passes requests on, but kills `victim` at the first one that puts parts together."""

    target: str
    when: When
    url: str = ""
    victim: int | None = None
    killed: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        """Kill the victim, once."""
        if self.victim is not None:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = None
            self.killed.set()

    def ask(self, method: str, path: str, headers: Any, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask the target the same. The host is part of what was signed, so it stays as it was sent."""
        inner = urlsplit(self.target)
        connection = http.client.HTTPConnection(str(inner.hostname), inner.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    killer: Killer

    def _carry(self) -> None:
        killer = self.killer
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        is_it = self.command == "POST" and "uploadId=" in self.path and killer.victim is not None
        if is_it and killer.when == "before":
            killer.kill()
            self.close_connection = True
            return
        answer, content = killer.ask(self.command, self.path, self.headers, body)
        if is_it:
            killer.kill()
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _carry  # noqa: N815  # the names are http.server's

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def killer_before(target: str, when: When) -> Iterator[Killer]:
    """A killer that leads to `target`; it lets everything pass until it is told a victim."""
    killer = Killer(target, when)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"killer": killer}))
    killer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield killer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
