"""A stack of which one part is to be killed: database, cloud, main process, or one service in a process of its own."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import httpx

from coffer_local.registry import SERVICES
from coffer_local.route_table import OWNERS
from factories.chaos import Victim, strike
from factories.people import Person
from factories.ports import free_port
from factories.roles import Queues, status
from factories.stacks import LocalStack, local_stack

Shared = Literal["postgres", "ministack", "main"]
SHARED: tuple[Victim, ...] = get_args(Shared)
VICTIMS = (*SHARED, *(entry.name for entry in SERVICES))
READY_SECONDS = 60
HIDDEN_SECONDS = 5
"""How long a message stays hidden whose reader was killed; in life it is a minute."""


@dataclass
class Struck:
    """A stack, which part of it is the victim, and the address of all of it together."""

    stack: LocalStack
    victim: str
    url: str
    _ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    _process: subprocess.Popen[str] | None = None

    def strike(self) -> None:
        """SIGKILL for the victim; started again where nobody does it by itself. Returns when all is ready."""
        if self.victim in SHARED:
            strike(self.stack, self.victim)
        else:
            assert self._process is not None
            self._process.kill()
            self._process.wait(10)
            self.stack.others.remove(self._process)
            self.start()
        self.is_ready()

    def start(self) -> None:
        """Start the victim's own process, always on the same ports."""
        entry = next(entry for entry in SERVICES if entry.name == self.victim)
        listen, internal = self._ports
        ports = {f"{entry.prefix}LISTEN_PORT": str(listen), f"{entry.prefix}INTERNAL_PORT": str(internal)}
        self._process = self.stack.start_service(entry.package, "serve", **ports)

    def is_ready(self) -> None:
        """Wait until the whole stack and the victim say so."""
        addresses = [f"{self.stack.url}/readyz"]
        if self._process is not None:
            addresses.append(f"http://127.0.0.1:{self._ports[1]}/readyz")
        deadline = time.monotonic() + READY_SECONDS
        while any(status(address) != 200 for address in addresses):
            assert time.monotonic() < deadline, f"{self.victim} never became ready"
            time.sleep(0.1)

    def join(self) -> None:
        """Put one gateway before the stack and the service that runs beside it."""
        front, internal = free_port(), free_port()
        own = f"http://127.0.0.1:{self._ports[0]}"
        urls = {
            f"COFFER_GATEWAY_{owner.replace('-', '_').upper()}_URL": own if owner == self.victim else self.stack.url
            for owner in OWNERS
        }
        place = {"COFFER_PORT": str(front), "COFFER_GATEWAY_INTERNAL_PORT": str(internal)}
        self.stack.start_service("coffer_local", "gateway", **place, **urls)
        self.url = f"http://127.0.0.1:{front}"
        deadline = time.monotonic() + READY_SECONDS
        while status(f"{self.url}/livez") != 200:
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.05)


@contextlib.contextmanager
def struck_stack(victim: str) -> Iterator[Struck]:
    """A running stack with this victim."""
    with local_stack() as stack:
        struck = Struck(stack, victim, stack.url)
        if victim not in SHARED:
            _learn_keys(stack)
            stack.stop()
            stack.without = (victim,)
            stack.start()
            struck.start()
            struck.is_ready()
            struck.join()
            Queues(stack).hide_for(HIDDEN_SECONDS, *(lane.queue for entry in SERVICES for lane in entry.topology.lanes))
        yield struck


def _learn_keys(stack: LocalStack) -> None:
    """Have every service fetch auth's keys while auth is where they look for them; they keep them on disk."""
    person = Person.at(stack.url)
    for path in ("/v1/usage", "/v1/shares/by-me", "/v1/notifications"):
        answer: httpx.Response = person.http.get(path)
        assert answer.status_code == 200, answer.text
