"""One local stack from start to stop: what comes up in which order, and what that means after a crash."""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
from litestar.handlers import HTTPRouteHandler

from coffer_chassis.docs_ui import docs_routes
from coffer_chassis.health import Check
from coffer_chassis.housekeeping import Job
from coffer_chassis.internal import internal_app
from coffer_chassis.outbox import IN_FLIGHT
from coffer_chassis.schema import migrate
from coffer_chassis.service import Service, repeated
from coffer_chassis.serving import freeze_start_up, listen, make_room_for_connections, serve
from coffer_chassis.settings import CofferSettings
from coffer_local.credentials import Credentials
from coffer_local.environment import Place, as_origins, local_environment, secret_names
from coffer_local.epochs import DRAIN_CHECK_SECONDS, Watermark, begin_epochs
from coffer_local.gateway import Gateway, own_app
from coffer_local.home import Home
from coffer_local.introductions import introduce, note_newcomers
from coffer_local.letterbox import COLLECT_SECONDS, Letterbox
from coffer_local.mailbox import is_loopback, mailbox_address, mailbox_routes
from coffer_local.ministack import LocalCloud
from coffer_local.ports import check_port
from coffer_local.postgres import Postgres
from coffer_local.provisioning import REGION, cloud_users, local_access, provision
from coffer_local.registry import SERVICES, Entry
from coffer_local.running import forget_environment, write_environment
from coffer_local.served import document_routes
from coffer_local.web_site import FreshSite, web_folder

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


def share_the_broker(services: Iterable[Service]) -> None:
    """Have the relays of all services together keep as many batches on their way as one alone would. The local cloud takes one
    after the other: with more, each only waits for longer, and what is urgent, which goes past this, waits behind them.
    """
    gate = asyncio.Semaphore(IN_FLIGHT)
    for service in services:
        service.relay.gate = gate


class Stack:
    """A stack of one data folder. `run` does everything."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.public_url = (options.public_url or f"http://localhost:{options.port}").rstrip("/")
        self.started_at = time.monotonic()
        self.metrics_port = 0
        self.mailbox_url: str | None = None
        """Where what was mailed can be read; None where nobody can."""
        self._services: dict[str, Service] = {}
        self._urls: dict[str, str] = {}
        self._watermark = Watermark()
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
            users = cloud_users(credentials.admin, credentials.keys, bucket=options.bucket)
            cloud = LocalCloud(home, users, credentials.admin_header, region=REGION, on_restart=self._cloud_came_back)
            self._cloud, self._admin = cloud, credentials.admin
            try:
                await asyncio.gather(postgres.start(), cloud.start(keep_state=was_clean))
                self._urls = urls = await postgres.ensure_databases(credentials.passwords)
                await note_newcomers(home.path, urls)
                await asyncio.gather(
                    asyncio.to_thread(self._provision),
                    *(migrate(urls[entry.name], entry.package) for entry in SERVICES),
                )
                variables = local_environment(self._place(home), credentials)
                os.environ.update(variables)
                write_environment(home, variables)
                async for _ in self._serve(home, stopping, lost_broker=not cloud.kept_state):
                    yield
            finally:
                forget_environment(home)
                cloud_saved = await cloud.stop()
                database_saved = await postgres.stop()
            if cloud_saved and database_saved and self._watermark.whole:
                home.mark_clean()

    async def _serve(self, home: Home, stopping: asyncio.Event, *, lost_broker: bool) -> AsyncIterator[None]:
        coffer = CofferSettings()
        async with AsyncExitStack() as opened:
            for entry in self._entries:
                service = await entry.build(coffer, entry.settings())
                opened.push_async_callback(service.close)
                self._services[entry.name] = service
            share_the_broker(self._services.values())
            if lost_broker:
                await self._begin_epoch()
            pages = [*docs_routes(), *document_routes(), *self._mailbox(home)]
            site = FreshSite(web_folder(), storage=[self._s3_url()])
            own, readiness = own_app(self._checks(), pages, problem_base=f"{self.public_url}/docs", site=site)
            apps = {name: service.app for name, service in self._services.items() if service.app is not None}
            public = listen(self.options.host, self.options.port)
            internal = listen("127.0.0.1", 0)
            self.metrics_port = internal.getsockname()[1]
            ended = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(Gateway(own, apps), public, stopping))
                tasks.create_task(serve(internal_app(readiness), internal, ended, lifespan=False))
                background = [
                    (tasks.create_task(service.run_background(stopping)), service.stop_seconds)
                    for service in self._services.values()
                ]
                tasks.create_task(repeated(Job("mark_drained", self._mark_drained, DRAIN_CHECK_SECONDS), stopping))
                letterbox = Letterbox(home.mail, self._cloud.ses_messages, own_notifier="notifier" in self._services)
                tasks.create_task(repeated(Job("collect_mail", letterbox.collect, COLLECT_SECONDS), stopping))
                introducing = tasks.create_task(self._introduce(home))
                await _until_it_answers(public)
                freeze_start_up()
                make_room_for_connections()
                yield
                await stopping.wait()
                readiness.drain()
                introducing.cancel()
                await asyncio.gather(*(_let_end(task, seconds) for task, seconds in background))
                ended.set()

    def _mailbox(self, home: Home) -> list[HTTPRouteHandler]:
        """Pages on which the mail of this run is read, unless other machines might reach them."""
        if not is_loopback(self.options.host):
            return []
        key = secrets.token_urlsafe(24)
        self.mailbox_url = mailbox_address(self.public_url, self.options.port, key)
        return mailbox_routes(home.mail, key)

    def _place(self, home: Home) -> Place:
        options = self.options
        # Services fetch keys through the gateway, and by the address of this machine rather than the one people use.
        host = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host  # noqa: S104  # compared, not bound
        return Place(
            home=home.path,
            host=options.host,
            port=options.port,
            public_url=self.public_url,
            s3_public_url=self._s3_url(),
            cloud_url=self._cloud.endpoint,
            bucket=options.bucket,
            region=REGION,
            database_urls=self._urls,
            key_set_urls={entry.name: f"http://{host}:{options.port}" for entry in SERVICES},
        )

    def _provision(self) -> None:
        port = self.options.port
        origins = as_origins(self.public_url, f"http://localhost:{port}", f"http://127.0.0.1:{port}")
        provision(local_access(self._cloud.endpoint, self._admin), bucket=self.options.bucket, origins=origins)

    def _s3_url(self) -> str:
        return (self.options.s3_public_url or self._cloud.endpoint).rstrip("/")

    async def _cloud_came_back(self) -> None:
        """The local cloud died and was started again without topics, queues and messages. May run twice: until it has
        succeeded, empty queues mean nothing.
        """
        await self._watermark.mend(self._make_whole)
        for service in self._services.values():
            service.relay.poke()
            service.urgent_relay.poke()

    async def _make_whole(self) -> None:
        await asyncio.to_thread(self._provision)
        await self._begin_epoch()

    async def _begin_epoch(self) -> None:
        await begin_epochs(self._urls)
        for service in self._services.values():
            await service.recover()

    async def _introduce(self, home: Home) -> None:
        try:
            await introduce(home.path, self._services.values())
        except Exception as error:  # noqa: BLE001  # everything else works; it is tried again at the next start
            log.warning("introductions_failed", error=repr(error))

    async def _mark_drained(self) -> None:
        if not self.options.without:
            await self._watermark.rise(list(self._services.values()))

    def _checks(self) -> dict[str, Check]:
        checks: dict[str, Check] = {}
        for name, service in self._services.items():
            checks[f"{name}.store"] = Check(service.ping_store)
            if service.topology.lanes:
                checks[f"{name}.queues"] = Check(service.ping_bus)
        return checks


async def _let_end(background: asyncio.Task[None], seconds: float) -> None:
    """Wait for the background of a service, and break it off after so long."""
    await asyncio.wait({background}, timeout=seconds)
    # What it had in hand comes back at the next start, once its visibility has run out.
    background.cancel()


async def _until_it_answers(bound: socket.socket) -> None:
    host, port = bound.getsockname()[:2]
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        await asyncio.sleep(0.02)
