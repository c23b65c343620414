"""Redis or Valkey as a process of a test's own, where the machine has one."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from factories.ports import free_port

START_SECONDS = 60
NAMES = ("redis-server", "valkey-server")


def binary() -> str:
    """Where it is. Where there is none the test says loudly that it did not run."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("LIMITS ACROSS PROCESSES ARE NOT TESTED HERE: there is no redis-server (apt-get install redis-server)")
    return found


@dataclass
class RedisServer:
    """One server, without a disk: what it counted is gone when it is."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As in COFFER_REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        log = self.folder / "redis.log"
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                cwd=self.folder,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        began = time.monotonic()
        while b"eady to accept connections" not in log.read_bytes():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() - began < START_SECONDS, log.read_text()
            time.sleep(0.01)

    def client(self) -> redis.Redis:
        """To look into it."""
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """As a crash would end it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.folder / "redis.log").unlink()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it stopped."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A started one, killed at the end."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
