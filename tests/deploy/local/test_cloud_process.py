"""The local cloud as a process of its own: ready only when whole, and every store hears of what it lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis import broker
from coffer_chassis.clock import SystemClock
from coffer_chassis.schema import migrate
from coffer_chassis.settings import CofferSettings
from coffer_chassis.tables import chassis_tables
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Work
from coffer_local.cloud_process import CloudProcess, CloudSettings
from coffer_local.credentials import AccessKey
from coffer_local.home import StartError
from coffer_local.provisioning import local_access
from coffer_local.registry import SERVICES
from factories import patient
from factories.databases import PostgresServer
from factories.ports import free_port
from factories.processes import folder_of

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 60

ADMIN = AccessKey("AKIAADMINADMINADMIN2", "a" * 40)


def variables(urls: dict[str, str]) -> dict[str, str]:
    found = {"AWS_ACCESS_KEY_ID": ADMIN.key_id, "AWS_SECRET_ACCESS_KEY": ADMIN.secret}
    for number, entry in enumerate(SERVICES):
        found |= {
            f"{entry.prefix}AWS_ACCESS_KEY_ID": f"AKIASERVICESERVICE2{number}",
            f"{entry.prefix}AWS_SECRET_ACCESS_KEY": f"{number}" * 40,
            f"{entry.prefix}DATABASE_URL": urls[entry.name],
        }
    return found


@dataclass
class Place:
    """One data folder, its ports, and the stores that are told."""

    home: Path
    urls: dict[str, str]
    port: int
    internal: int

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Place"]:
        """The process, from its start to its orderly end."""
        coffer = CofferSettings.model_validate({"home": self.home, "bucket": "coffer"})
        settings = CloudSettings.model_validate({"port": self.port, "internal_port": self.internal})
        stopping = asyncio.Event()
        process = asyncio.create_task(CloudProcess(coffer, settings, variables(self.urls)).run(stopping))
        try:
            yield self
        finally:
            stopping.set()
            await process

    async def ready(self) -> bool:
        try:
            async with patient.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{self.internal}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def epochs(self) -> set[int]:
        """What the stores know, without duplicates."""
        found = set()
        for url in self.urls.values():
            engine = create_async_engine(url, poolclass=NullPool)
            found.add(await broker.epoch(Work(engine, chassis_tables(MetaData()), source="/test", clock=SystemClock())))
            await engine.dispose()
        return found

    def queues(self) -> int:
        sqs = boto3.client("sqs", **local_access(f"http://127.0.0.1:{self.port}", ADMIN).client_arguments("sqs"))
        return len(sqs.list_queues().get("QueueUrls", ()))


@pytest.fixture
def place(tmp_path: Path, postgres: PostgresServer) -> Callable[..., Place]:
    def made(*, migrated: bool = True) -> Place:
        urls = {entry.name: postgres.database(entry.package) if migrated else postgres.empty() for entry in SERVICES}
        return Place(tmp_path / "home", urls, free_port(), free_port())

    return made


async def test_it_keeps_what_it_holds_over_an_orderly_stop(place: Callable[..., Place]) -> None:
    cloud = place()
    async with cloud.running():
        await eventually(cloud.ready, within_seconds=WITHIN_SECONDS)
        assert await cloud.epochs() == {1}
        assert cloud.queues() == 2 * sum(len(entry.topology.lanes) for entry in SERVICES)
    assert (cloud.home / "clean").exists()
    async with cloud.running():
        await eventually(cloud.ready, within_seconds=WITHIN_SECONDS)
        assert await cloud.epochs() == {1}
        assert not (cloud.home / "clean").exists()


async def test_a_cloud_that_dies_under_it_is_made_whole_and_every_store_is_told(place: Callable[..., Place]) -> None:
    cloud = place()
    async with cloud.running():
        await eventually(cloud.ready, within_seconds=WITHIN_SECONDS)
        (child,) = [one for one in psutil.Process().children() if folder_of(one.pid) == str(cloud.home / "cloud")]
        os.kill(child.pid, signal.SIGKILL)

        async def told() -> bool:
            return await cloud.epochs() == {2}

        await eventually(told, within_seconds=WITHIN_SECONDS)
        await eventually(cloud.ready, within_seconds=WITHIN_SECONDS)
        assert cloud.queues() > 0


async def test_it_is_not_ready_before_every_store_could_be_told(place: Callable[..., Place]) -> None:
    cloud = place(migrated=False)
    async with cloud.running():

        async def provisioned() -> bool:
            try:
                return await asyncio.to_thread(cloud.queues) > 0
            except (BotoCoreError, ClientError):
                return False

        await eventually(provisioned, within_seconds=WITHIN_SECONDS)
        assert not await cloud.ready()
        for entry in SERVICES:
            await migrate(cloud.urls[entry.name], entry.package)
        await eventually(cloud.ready, within_seconds=WITHIN_SECONDS)
        assert 0 not in await cloud.epochs()
    assert (cloud.home / "clean").exists()


async def test_an_end_before_it_was_whole_is_no_orderly_end(place: Callable[..., Place]) -> None:
    cloud = place(migrated=False)
    async with cloud.running():
        await eventually(lambda: asyncio.to_thread((cloud.home / "cloud" / "lock").exists), within_seconds=WITHIN_SECONDS)
    assert not (cloud.home / "clean").exists()


def test_a_key_that_is_missing_is_named(place: Callable[..., Place]) -> None:
    given = variables(place(migrated=False).urls)
    del given["COFFER_FILES_AWS_SECRET_ACCESS_KEY"]
    with pytest.raises(StartError, match="COFFER_FILES_AWS_SECRET_ACCESS_KEY is not set"):
        CloudProcess(CofferSettings(), CloudSettings(), given)
