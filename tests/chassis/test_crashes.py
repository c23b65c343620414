"""Processes that die at every seam between store and bus: whatever came before, each event has its one effect."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.crash_worker import EXIT_CODE
from coffer_chassis.aws import open_clients
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.testing import eventually
from factories.cloud import Cloud
from factories.databases import PostgresServer
from factories.eventing import TABLES, Store, create_store, created, failed, two_services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EVENTS = 12
WORKER = Path(__file__).with_name("crash_worker.py")
PATIENCE_SECONDS = 90

_numbers = count(1)


class World:
    """Two stores, a provisioned topology, and processes of the two services."""

    def __init__(self, settings: dict[str, Any], stores: list[Store], bus: AwsBus, queues: list[str]) -> None:
        self.settings = settings
        self.first, self.second = stores
        self.bus = bus
        self.queues = queues
        self.processes: list[Process] = []

    async def start(self, *, death: str | None = None, killed: bool = False) -> Process:
        environment = os.environ | {"PYTHONPATH": str(WORKER.parents[1])}
        process = await asyncio.create_subprocess_exec(sys.executable, WORKER, stdin=PIPE, env=environment)
        self.processes.append(process)
        assert process.stdin
        process.stdin.write(json.dumps(self.settings | {"death": death, "killed": killed}).encode() + b"\n")
        await process.stdin.drain()
        return process

    async def end(self) -> None:
        """Leave no process behind, whatever the test came to."""
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def settled(self) -> bool:
        """Everything was counted, everything sent, and no queue holds anything."""
        counts = [*(await self.first.counts()).values(), *(await self.second.counts()).values()]
        if sum(counts) < 2 * EVENTS or await self.first.unsent() or await self.second.unsent():
            return False
        return all([(await self.bus.depth(queue)).total == 0 for queue in self.queues])


@pytest.fixture
async def world(cloud: Cloud, postgres: PostgresServer, tag: str) -> AsyncIterator[World]:
    name = f"{tag}-{next(_numbers)}"
    topology = two_services(name, visibility_seconds=1, max_receives=100)
    accesses = cloud.provision(topology)
    keys = [
        (access.access_key_id, access.secret_access_key.get_secret_value())
        for access in accesses.values()
        if access.secret_access_key
    ]
    urls = [create_store(postgres) for _ in range(2)]
    settings = {"tag": name, "endpoint": cloud.endpoint, "databases": urls, "keys": keys}
    engines = [create_async_engine(url) for url in urls]
    async with open_clients(cloud.admin, receivers=1, wait_seconds=1) as clients:
        stores = [Store(engine) for engine in engines]
        for store in stores:
            store.clock.moment = SystemClock().now()  # the processes have real clocks
        world = World(settings, stores, AwsBus(clients), [lane.queue for lane in topology.lanes])
        yield world
        await world.end()
    for engine, url in zip(engines, urls, strict=True):
        await engine.dispose()
        postgres.drop(url)


@pytest.mark.parametrize(
    "deaths",
    [
        pytest.param(["first:publish:before", "first:publish:after", "second:publish:after"], id="publishing"),
        pytest.param(["second:receive:after", "second:commit:before", "second:delete:before"], id="handling"),
        pytest.param(["first:commit:before", "first:delete:before"], id="handling slowly"),
    ],
)
async def test_deaths_at_every_seam_lose_nothing_and_repeat_nothing(world: World, deaths: list[str]) -> None:
    await world.first.emit(*(failed(number) for number in range(EVENTS)))
    for number, death in enumerate(deaths):
        killed = bool(number % 2)
        mortal = await world.start(death=death, killed=killed)
        code = await asyncio.wait_for(mortal.wait(), PATIENCE_SECONDS)
        assert code == (-signal.SIGKILL if killed else EXIT_CODE), death
    healthy = await world.start()
    try:
        await eventually(world.settled, within_seconds=PATIENCE_SECONDS, every_seconds=0.05)
    finally:
        healthy.terminate()
        code = await asyncio.wait_for(healthy.wait(), PATIENCE_SECONDS)
    assert code == 0
    assert await world.second.counts() == {failed(number).subject: 1 for number in range(EVENTS)}
    assert await world.first.counts() == {created(number).subject: 1 for number in range(EVENTS)}
    assert len(await world.second.rows(TABLES.outbox)) == EVENTS
    assert await world.first.unsent() == await world.second.unsent() == 0
