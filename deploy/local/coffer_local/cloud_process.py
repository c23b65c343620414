"""The local cloud as a process of its own: `python -m coffer_local cloud`, the entry of its container.

Whenever it begins without what it held, it is provisioned and the stores of all services are told, before it says that it
is ready: whoever restarts it, and whatever else keeps running meanwhile.
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.bus import Bus
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.health import Check, Readiness
from coffer_chassis.housekeeping import Job
from coffer_chassis.internal import internal_app
from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.service import repeated
from coffer_chassis.serving import listen, serve, stop_on_signals
from coffer_chassis.settings import CofferSettings
from coffer_chassis.tables import chassis_tables
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_local.credentials import AccessKey
from coffer_local.environment import as_origins
from coffer_local.epochs import DRAIN_CHECK_SECONDS, Member, Watermark, begin_epochs
from coffer_local.home import Home, StartError
from coffer_local.ministack import LocalCloud
from coffer_local.provisioning import REGION, cloud_users, local_access, provision
from coffer_local.registry import SERVICES

_PAUSES = (0.2, 10.0)

log = structlog.get_logger(__name__)


class CloudSettings(BaseSettings):
    """What the local cloud needs when it runs as a process of its own, beside `COFFER_HOME` for its data, the key that
    provisions as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and the key and database address of every service.
    """

    model_config = SettingsConfigDict(env_prefix="COFFER_CLOUD_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address that S3, SNS and SQS listen on.")
    port: int = Field(4566, description="Their one port.", ge=1, le=65535)
    internal_host: str = Field("127.0.0.1", description="Address that /metrics, /livez and /readyz listen on.")
    internal_port: int = Field(9000, description="Port of those; never public.", ge=0, le=65535)


@dataclass(frozen=True)
class _Store:
    topology: ServiceTopology
    work: Work
    bus: Bus


class CloudProcess:
    """The local cloud with whoever looks after it. `run` does everything."""

    def __init__(self, coffer: CofferSettings, settings: CloudSettings, environ: Mapping[str, str] = os.environ) -> None:
        """Raises StartError, naming the variable, when a key or an address is missing."""
        self._coffer = coffer
        self._settings = settings
        self._region = environ.get("AWS_REGION") or REGION
        self._admin = _key("", environ)
        self._keys = {entry.name: _key(entry.prefix, environ) for entry in SERVICES}
        self._urls = {entry.name: _wanted(f"{entry.prefix}DATABASE_URL", environ) for entry in SERVICES}
        self._watermark = Watermark()
        self._made = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then save. Raises StartError, in one sentence for the user."""
        settings, ended = self._settings, asyncio.Event()
        with Home.open(self._coffer.home) as home:
            cloud = LocalCloud(
                home,
                cloud_users(self._admin, self._keys, bucket=self._coffer.bucket, region=self._region),
                secrets.token_hex(32),
                host=settings.host,
                port=settings.port,
                region=self._region,
                on_restart=lambda: self._watermark.mend(self._make_whole),
            )
            readiness = Readiness({"cloud": Check(self._probe)})
            was_clean = home.mark_running()
            internal = listen(settings.internal_host, settings.internal_port)
            telling = asyncio.create_task(serve(internal_app(readiness), internal, ended, lifespan=False))
            try:
                await cloud.start(keep_state=was_clean)
                await self._look_after(cloud, stopping)
            finally:
                readiness.drain()
                saved = await cloud.stop()
                ended.set()
                await telling
            if saved and self._made and self._watermark.whole:
                home.mark_clean()

    async def _look_after(self, cloud: LocalCloud, stopping: asyncio.Event) -> None:
        kept = cloud.kept_state
        await _until_done(self._provision if kept else lambda: self._watermark.mend(self._make_whole), stopping)
        if stopping.is_set():
            return
        self._made = True
        log.info("cloud_is_ready", port=cloud.port, kept_state=kept)
        async with AsyncExitStack() as opened:
            members = await self._members(opened)
            await repeated(Job("mark_drained", lambda: self._watermark.rise(members), DRAIN_CHECK_SECONDS), stopping)

    async def _members(self, opened: AsyncExitStack) -> list[Member]:
        clients = await opened.enter_async_context(open_clients(self._access(), receivers=1, wait_seconds=0))
        members: list[Member] = []
        for entry in SERVICES:
            engine = create_async_engine(self._urls[entry.name], poolclass=NullPool)
            opened.push_async_callback(engine.dispose)
            work = Work(engine, chassis_tables(MetaData()), source="/local", clock=SystemClock())
            members.append(_Store(entry.topology, work, AwsBus(clients)))
        return members

    def _access(self) -> AwsAccess:
        return local_access(f"http://127.0.0.1:{self._settings.port}", self._admin, region=self._region)

    async def _provision(self) -> None:
        origins = as_origins(self._coffer.public_url)
        await asyncio.to_thread(provision, self._access(), bucket=self._coffer.bucket, origins=origins)

    async def _make_whole(self) -> None:
        await self._provision()
        await begin_epochs(self._urls)

    async def _probe(self) -> None:
        if not (self._made and self._watermark.whole):
            raise ConnectionError("not provisioned yet")


async def run_cloud() -> None:
    """Run with the settings of the environment until told to stop. Raises StartError."""
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    await CloudProcess(CofferSettings(), CloudSettings()).run(stopping)


def _key(prefix: str, environ: Mapping[str, str]) -> AccessKey:
    return AccessKey(_wanted(f"{prefix}AWS_ACCESS_KEY_ID", environ), _wanted(f"{prefix}AWS_SECRET_ACCESS_KEY", environ))


def _wanted(variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable)
    if not value:
        raise StartError(f"{variable} is not set: the local cloud must know every key and every store.")
    return value


async def _until_done(steps: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Stores may be starting at the same moment, as after a restart of the machine: try until they are there."""
    failures = 0
    while not stopping.is_set():
        try:
            await steps()
        except Exception as error:  # noqa: BLE001  # whatever is in the way may pass
            failures += 1
            log.warning("cloud_not_ready", error=repr(error), failures=failures)
            await sleep_until(stopping, back_off(failures, _PAUSES))
        else:
            return
