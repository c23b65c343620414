"""One local stack from start to stop: what comes up in which order, and what that means after a crash."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis import broker
from coffer_chassis.aws import AwsAccess
from coffer_chassis.clock import SystemClock
from coffer_chassis.docs_ui import docs_routes
from coffer_chassis.health import Check
from coffer_chassis.housekeeping import Job
from coffer_chassis.metrics import exposition
from coffer_chassis.migrations import migrate
from coffer_chassis.provision import Provisioner, service_policy
from coffer_chassis.service import Service, repeated
from coffer_chassis.serving import freeze_start_up, listen, serve
from coffer_chassis.settings import CofferSettings
from coffer_chassis.tables import chassis_tables
from coffer_chassis.unit_of_work import Work
from coffer_local.credentials import Credentials
from coffer_local.environment import as_origins, forget_environment, local_environment, secret_names, write_environment
from coffer_local.gateway import Gateway, own_app
from coffer_local.home import Home
from coffer_local.ministack import CloudUser, LocalCloud
from coffer_local.openapi_document import document_routes
from coffer_local.ports import check_port
from coffer_local.postgres import Postgres
from coffer_local.registry import SERVICES, Entry, topology

REGION = "us-east-1"
ACCOUNT = "000000000000"
STOP_SECONDS = 6
DRAIN_CHECK_SECONDS = 30
DRAIN_MARGIN = timedelta(minutes=1)
"""A round of the relay marks rows with the time it began, so the watermark stays behind what was seen."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Options:
    """How to run a stack."""

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    s3_public_url: str | None = None
    bucket: str = "coffer"
    without: tuple[str, ...] = ()
    """Services that run elsewhere, as processes of their own."""


class Stack:
    """A stack of one data folder. `run` does everything."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.public_url = (options.public_url or f"http://localhost:{options.port}").rstrip("/")
        self.started_at = time.monotonic()
        self.metrics_port = 0
        self._services: dict[str, Service] = {}
        self._urls: dict[str, str] = {}
        self._losses = 0
        self._broker_is_whole = True
        self._entries: Sequence[Entry] = [entry for entry in SERVICES if entry.name not in options.without]

    async def run(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Start everything, yield once it serves, and after `stopping` is set stop everything in order.

        Raises StartError, in one sentence for the user.
        """
        options = self.options
        check_port(options.host, options.port)
        with Home.open(options.home) as home:
            names = [entry.name for entry in SERVICES]
            credentials = Credentials.open(home, names, named=secret_names())
            was_clean = home.mark_running()
            postgres = Postgres(home, credentials.superuser_password)
            cloud = LocalCloud(
                home, self._users(credentials), credentials.admin_header, region=REGION, on_restart=self._cloud_came_back
            )
            self._cloud, self._admin = cloud, credentials.admin
            try:
                await asyncio.gather(postgres.start(), cloud.start(keep_state=was_clean))
                self._urls = urls = await postgres.ensure_databases(credentials.passwords)
                await asyncio.gather(
                    asyncio.to_thread(self._provision),
                    *(migrate(urls[entry.name], entry.package) for entry in SERVICES),
                )
                variables = local_environment(
                    home=home,
                    credentials=credentials,
                    host=options.host,
                    port=options.port,
                    public_url=self.public_url,
                    s3_public_url=self._s3_url(),
                    cloud_url=cloud.endpoint,
                    database_urls=urls,
                    bucket=options.bucket,
                    region=REGION,
                )
                os.environ.update(variables)
                write_environment(home, variables)
                async for _ in self._serve(stopping, lost_broker=not cloud.kept_state):
                    yield
            finally:
                forget_environment(home)
                cloud_saved = await cloud.stop()
                database_saved = await postgres.stop()
            if cloud_saved and database_saved and self._broker_is_whole:
                home.mark_clean()

    async def _serve(self, stopping: asyncio.Event, *, lost_broker: bool) -> AsyncIterator[None]:
        coffer = CofferSettings()
        async with AsyncExitStack() as opened:
            for entry in self._entries:
                service = await entry.build(coffer, entry.settings())
                opened.push_async_callback(service.close)
                self._services[entry.name] = service
            if lost_broker:
                await self._begin_epoch()
            pages = [*docs_routes(), *document_routes()]
            own, readiness = own_app(self._checks(), pages, problem_base=f"{self.public_url}/docs")
            apps = {name: service.app for name, service in self._services.items() if service.app is not None}
            public = listen(self.options.host, self.options.port)
            internal = listen("127.0.0.1", 0)
            self.metrics_port = internal.getsockname()[1]
            ended = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(Gateway(own, apps), public, stopping))
                tasks.create_task(serve(exposition, internal, ended, lifespan=False))
                background = [tasks.create_task(service.run_background(stopping)) for service in self._services.values()]
                tasks.create_task(repeated(Job("mark_drained", self._mark_drained, DRAIN_CHECK_SECONDS), stopping))
                await _until_it_answers(public)
                freeze_start_up()
                yield
                await stopping.wait()
                readiness.drain()
                _, late = await asyncio.wait(background, timeout=STOP_SECONDS)
                for task in late:
                    # What it had in hand comes back at the next start, once its visibility has run out.
                    task.cancel()
                ended.set()

    def _users(self, credentials: Credentials) -> list[CloudUser]:
        whole = topology(self.options.bucket)
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        users = [CloudUser("admin", credentials.admin, everything)]
        for entry in SERVICES:
            policy = service_policy(entry.topology, whole, account=ACCOUNT, region=REGION)
            users.append(CloudUser(entry.name, credentials.keys[entry.name], policy))
        return users

    def _provision(self) -> None:
        access = AwsAccess(
            region=REGION,
            endpoint_url=self._cloud.endpoint,
            access_key_id=self._admin.key_id,
            secret_access_key=SecretStr(self._admin.secret),
        )
        port = self.options.port
        origins = as_origins(self.public_url, f"http://localhost:{port}", f"http://127.0.0.1:{port}")
        Provisioner(topology(self.options.bucket), access, origins).run()

    def _s3_url(self) -> str:
        return (self.options.s3_public_url or self._cloud.endpoint).rstrip("/")

    async def _cloud_came_back(self) -> None:
        """The local cloud died and was started again without topics, queues and messages. May run twice: until it has
        succeeded, empty queues mean nothing.
        """
        self._losses += 1
        self._broker_is_whole = False
        await asyncio.to_thread(self._provision)
        await self._begin_epoch()
        self._broker_is_whole = True
        for service in self._services.values():
            service.relay.poke()

    async def _begin_epoch(self) -> None:
        """Also for services that run elsewhere: it is their stores that know what was sent."""
        for name, url in self._urls.items():
            engine = create_async_engine(url, poolclass=NullPool)
            try:
                work = Work(engine, chassis_tables(MetaData()), source="/local", clock=SystemClock())
                count = await broker.begin_epoch(work)
            finally:
                await engine.dispose()
            # A first start begins an epoch too, with nothing to say about it.
            (log.warning if count else log.debug)("broker_epoch_began", service=name, events_to_send_again=count)
        for service in self._services.values():
            await service.recover()

    async def _mark_drained(self) -> None:
        """Note when nothing was under way, so that a later loss of the broker has little to send again."""
        losses = self._losses
        if self.options.without or not self._broker_is_whole:
            return
        services = list(self._services.values())
        moment = services[0].work.clock.now() - DRAIN_MARGIN
        if not all([await broker.is_drained(service.work, service.bus, service.topology) for service in services]):
            return
        if losses != self._losses:  # some queues were seen before the broker was lost, and some after
            return
        for service in services:
            await broker.mark_drained(service.work, moment)

    def _checks(self) -> dict[str, Check]:
        checks: dict[str, Check] = {}
        for name, service in self._services.items():
            checks[f"{name}.store"] = Check(service.ping_store)
            if service.topology.lanes:
                checks[f"{name}.queues"] = Check(service.ping_bus)
        return checks


async def _until_it_answers(bound: socket.socket) -> None:
    host, port = bound.getsockname()[:2]
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(0.02)
