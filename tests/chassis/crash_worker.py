"""Two tiny services in a process of their own, on a real store and a real bus, that die where they are told to.

A program for test_crashes: settings as JSON on standard input. `death` is `<service>:<call>:<before|after>`, with `commit`
or a method of the bus as call; without it they run until SIGTERM.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import SecretStr
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.handling import Handles, handler_table
from coffer_chassis.service import Service
from coffer_chassis.topology import Topology
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from coffer_contracts.event import Envelope
from coffer_contracts.ids import SessionId
from factories.eventing import TABLES, count, two_services

EXIT_CODE = 77


def exit_now() -> NoReturn:
    """No cleanup of any kind."""
    os._exit(EXIT_CODE)


def kill_now() -> NoReturn:
    """As the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Deps:
    """What handlers get."""

    work: Work
    queue: str


async def on_failed(event: Envelope[LoginFailedV1], unit: Unit, _deps: Deps) -> None:
    """Second, quick: count it and answer."""
    await count(unit, event.subject)
    fact = event.data
    answer = SessionCreatedV1(
        session_id=SessionId(fact.user_id), user_id=fact.user_id, created_at=fact.failed_at, expires_at=fact.failed_at
    )
    unit.emit(answer, sequence=1)


async def on_created(event: Envelope[SessionCreatedV1], deps: Deps) -> None:
    """First, slow: count the answer."""
    async with deps.work.unit(cause=event, consumer=deps.queue) as unit:
        await count(unit, event.subject)


HANDLERS = (
    Handles(SessionCreatedV1, on_created, slow=True),
    Handles(LoginFailedV1, on_failed, emits=(SessionCreatedV1,)),
)


class MortalBus:
    """The real bus, except that the process dies around one of its methods when that has something to do."""

    def __init__(self, bus: AwsBus, method: str, moment: str, die: Callable[[], NoReturn]) -> None:
        self._bus = bus
        self._method = method
        self._moment = moment
        self._die = die

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._bus, name)
        if name != self._method:
            return call

        async def mortal(*arguments: Any, **options: Any) -> Any:
            if self._moment == "before" and arguments[-1]:
                self._die()
            answer = await call(*arguments, **options)
            if answer or (arguments[-1] and name != "receive"):
                self._die()
            return answer

        return mortal


def die_before_commit(engine: AsyncEngine, die: Callable[[], NoReturn]) -> None:
    """Let the process die when a transaction that handled an event is about to commit."""

    @sqlalchemy_event.listens_for(engine.sync_engine, "before_cursor_execute")
    def remember(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO inbox"):
            connection.info["handling"] = True

    @sqlalchemy_event.listens_for(engine.sync_engine, "commit")
    def mortal(connection: Any) -> None:
        if connection.info.get("handling"):
            die()


async def build(stack: AsyncExitStack, number: int, topology: Topology, settings: dict[str, Any]) -> Service:
    """The first or the second service."""
    part = topology.services[number]
    access = AwsAccess(
        endpoint_url=settings["endpoint"],
        access_key_id=settings["keys"][number][0],
        secret_access_key=SecretStr(settings["keys"][number][1]),
    )
    bus: Any = AwsBus(await stack.enter_async_context(open_clients(access, receivers=2, wait_seconds=1)))
    engine = create_async_engine(settings["databases"][number])
    stack.push_async_callback(engine.dispose)
    service, call, moment = (settings["death"] or "::").split(":")
    die = kill_now if settings["killed"] else exit_now
    if part.service.startswith(service) and service:
        if call == "commit":
            die_before_commit(engine, die)
        else:
            bus = MortalBus(bus, call, moment, die)
    work = Work(engine, TABLES, source=f"/{part.service}", clock=SystemClock())
    queue = part.lanes[0].queue
    tables = {queue: handler_table([HANDLERS[number]])}
    return Service(part, work, bus, Deps(work, queue), app=None, tables=tables, wait_seconds=1)


async def main() -> None:
    """Run both until SIGTERM, or until one takes the process along."""
    settings = json.loads(sys.stdin.readline())
    topology = two_services(settings["tag"], visibility_seconds=1, max_receives=100)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with AsyncExitStack() as stack:
        services = [await build(stack, number, topology, settings) for number in range(2)]
        async with asyncio.TaskGroup() as running:
            for service in services:
                running.create_task(service.run_background(stopping))


if __name__ == "__main__":
    asyncio.run(main())
