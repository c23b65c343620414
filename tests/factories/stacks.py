"""A whole Coffer as its users start it: `python -m coffer_local` in processes of its own, driven over HTTP only."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from coffer_chassis.limits.policies import NAMES
from factories.memory import in_memory
from factories.ports import free_port

READY = "Coffer is running at "
START_SECONDS = 110
STOP_SECONDS = 30
"""What docker-compose.yml gives for a stop, and AWS as well: whoever takes longer is killed."""
WIDE_LIMITS = {f"COFFER_LIMIT_{name.upper()}_PER_MINUTE": "1000000" for name in NAMES}
"""Stories sign up dozens of people from one address, and bursts are what they measure. Counted is all the same."""

UNVERIFIED = {"COFFER_NOTIFIER_MAIL_TO_UNVERIFIED": "true"}
"""People of stories have addresses that nobody reads, and mail leaves no local stack."""

LIGHT_PASSWORDS = {"COFFER_AUTH_PASSWORD_MEMORY_KIB": "64", "COFFER_AUTH_PASSWORD_PASSES": "1"}
"""Hashing hundreds of passwords as earnestly as in life takes longer than what is shown with them."""


@dataclass
class LocalStack:
    """One data folder and the processes that run on it."""

    home: Path
    port: int = field(default_factory=free_port)
    without: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    others: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the processes are started with: nothing of the machine's own AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COFFER_"))}
        return kept | WIDE_LIMITS | UNVERIFIED | {"COFFER_HOME": str(self.home), "COFFER_PORT": str(self.port)} | self.settings

    @property
    def log(self) -> Path:
        """What the main process says."""
        return self.home.parent / f"{self.home.name}.log"

    def start(self) -> float:
        """Start and wait until it says that it serves; the seconds that took. Raises AssertionError with its log."""
        began = time.monotonic()
        left_out = [argument for service in self.without for argument in ("--without", service)]
        # Read from where the file ends now: an earlier run on the same folder said that it was ready, too.
        said_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "coffer_local", "up", *left_out],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        while READY not in self.said(since=said_before):
            assert self.process.poll() is None, f"it ended: {self.said(since=said_before)}"
            assert time.monotonic() - began < START_SECONDS, f"it did not start: {self.said(since=said_before)}"
            time.sleep(0.02)
        return time.monotonic() - began

    @property
    def variables(self) -> dict[str, str]:
        """The settings that the running stack gives its services, as an operator's `exec` sees them."""
        lines = (self.home / "run" / "environment").read_text().splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines)
        return {name: "".join(shlex.split(value)) for name, _, value in pairs}

    def run(self, package: str, *arguments: str) -> str:
        """What an operator's command prints. Raises CalledProcessError when it fails."""
        command = [sys.executable, "-m", "coffer_local", "exec", sys.executable, "-m", package, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def start_service(self, package: str, role: str = "serve", **settings: str) -> subprocess.Popen[str]:
        """Run one service as a process of its own, with the settings of the running stack and its own on top."""
        ports = {f"{package.upper()}_{name}_PORT": "0" for name in ("LISTEN", "INTERNAL")}
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", package, role],
                env=self.variables | self.environment | ports | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.others.append(process)
        return process

    def said(self, *, since: int = 0) -> str:
        """What it printed from that position on."""
        with self.log.open() as log:
            log.seek(since)
            return log.read()

    def stop(self) -> float:
        """SIGTERM, as a supervisor would; the seconds it took. Raises AssertionError when anything is left."""
        assert self.process is not None
        began = time.monotonic()
        family = self.family()
        for other in self.others:
            other.terminate()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS * 2)
        for other in self.others:
            other.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"left behind: {alive}"
        self.others.clear()
        return time.monotonic() - began

    def kill_everything(self) -> None:
        """SIGKILL for every process at once."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=STOP_SECONDS)
        for process in (self.process, *self.others):
            if process is not None:
                process.wait(STOP_SECONDS)
        self.others.clear()

    def family(self) -> list[psutil.Process]:
        """Every process of the stack, the first one included."""
        found: list[psutil.Process] = []
        for process in (self.process, *self.others):
            if process is not None and process.poll() is None:
                parent = psutil.Process(process.pid)
                found += [parent, *parent.children(recursive=True)]
        return found

    def child(self, mark: str) -> psutil.Process:
        """The process of the stack whose command line holds `mark`, the one started last."""
        found: list[tuple[float, psutil.Process]] = []
        for process in self.family():
            # One that ends while it is looked at is none of them.
            with contextlib.suppress(psutil.NoSuchProcess):
                if mark in " ".join(process.cmdline()):
                    found.append((process.create_time(), process))
        assert found, f"no process of the stack is {mark}"
        return max(found, key=lambda one: one[0])[1]


@contextlib.contextmanager
def unstarted_stack(
    *, without: tuple[str, ...] = (), on_disk: bool = False, settings: dict[str, str] | None = None
) -> Iterator[LocalStack]:
    """A stack in a folder of its own, in memory where there is room; everything is killed and removed at the end. On disk it
    hashes passwords as in life.
    """
    within = None if on_disk else in_memory()
    # The database runs under another account when the tests run as root, and must be able to pass.
    with tempfile.TemporaryDirectory(prefix="coffer-e2e-", dir=within, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        light = {} if on_disk else LIGHT_PASSWORDS
        stack = LocalStack(Path(folder) / "home", without=without, settings=light | (settings or {}))
        try:
            yield stack
        finally:
            stack.kill_everything()


@contextlib.contextmanager
def local_stack(*, without: tuple[str, ...] = (), **settings: str) -> Iterator[LocalStack]:
    """The same, started."""
    with unstarted_stack(without=without, settings=settings) as stack:
        stack.start()
        yield stack


@contextlib.contextmanager
def stack_on_disk(**settings: str) -> Iterator[LocalStack]:
    """A started stack where the system puts what is temporary: for figures, and for what runs long."""
    with unstarted_stack(on_disk=True, settings=settings) as stack:
        stack.start()
        yield stack
