"""A whole Coffer in this process, on a loop of its own, whose every way out leads through chaos: bus, S3, SNS/SQS, PostgreSQL.

Services are built as the local stack builds them; only times to wait are shorter. People reach it over real HTTP.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from coffer_chassis.aws import AwsAccess
from coffer_chassis.service import Service
from coffer_chassis.serving import listen, serve
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import Lane, Topology
from coffer_local.environment import _KEY_SETS, issuers, public_fields, secret_fields, secret_names
from coffer_local.gateway import Gateway, own_app
from coffer_local.provisioning import mail_sender
from coffer_local.registry import SERVICES, Entry, topology
from factories.chaos_bus import ChaosBus
from factories.chaos_http import HttpFaultProxy
from factories.chaos_post import Post
from factories.chaos_proxy import FaultProxy
from factories.cloud import Cloud
from factories.databases import PostgresServer

T = TypeVar("T")

_ENVIRONMENT = threading.Lock()
SECRET = "5c" * 32
VISIBILITY_SECONDS = 1
RECEIVES = 50
"""A bad minute here holds as many failures as a bad week: the broker must not give up on a message before the product does."""
LONGEST_HIDDEN_SECONDS = 1
STOP_SECONDS = 0.1
CLOSE_SECONDS = 5
START_SECONDS = 60
TABLES = """SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('alembic_version', 'signing_keys', 'broker')"""
QUICK: dict[str, Any] = {"poll_wait_seconds": 1, "database_pool_size": 6}
QUICKER: dict[str, dict[str, Any]] = {
    "auth": {"password_memory_kib": 64, "password_passes": 1},
    "files": {"sweep_every_seconds": 1, "sweep_grace_seconds": 1},
    "media-worker": {"children": 1},
    "notifier": {"mail_to_unverified": True},
}


class House:
    """One Coffer, calm until it `begins`. Made by `house`."""

    def __init__(self, tag: str, postgres: PostgresServer, cloud: Cloud, folder: Path) -> None:
        self._tag = tag
        self._postgres = postgres
        self._cloud = cloud
        self._folder = folder
        address = urlsplit(cloud.endpoint)
        host, port = str(address.hostname), address.port or 80
        self.s3 = HttpFaultProxy("s3", host, port, 0)
        self.queues = HttpFaultProxy("queues", host, port, 0)
        self.store = FaultProxy("store", "127.0.0.1", postgres.port, 0)
        self.proxies = (self.s3, self.queues, self.store)
        self.buses: dict[str, ChaosBus] = {}
        self.services: dict[str, Service] = {}
        self.databases: dict[str, str] = {}
        """Service -> URL that leads past all chaos."""
        self.url = ""
        self.domain = f"{tag}.example.org"
        """Of the addresses of whoever lives here."""
        self._connections: dict[str, asyncpg.Connection] = {}
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Make databases, queues and bucket, build the services and let them run."""
        self.calm()
        for proxy in self.proxies:
            await proxy.start()
        whole = self._renamed(topology(f"chaos-{self._tag}"))
        with ThreadPoolExecutor(4) as aside:
            provisioned = aside.submit(self._cloud.provision, whole, mail_from=mail_sender({}))
            self.databases = dict(
                zip(
                    (entry.name for entry in SERVICES),
                    aside.map(self._postgres.database, [e.package for e in SERVICES]),
                    strict=True,
                )
            )
            access = await asyncio.wrap_future(provisioned)
        bound = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        coffer = CofferSettings(
            home=self._folder,
            public_url=self.url,
            s3_public_url=f"http://127.0.0.1:{self.s3.port}",
            bucket=whole.bucket,
            trusted_issuers=self._issuers(),
        )
        with self._addresses_set():
            await self._build(coffer, access)
        self.post = Post(self.services["notifier"].deps.post)
        object.__setattr__(self.services["notifier"].deps, "post", self.post)
        own, _ = own_app({})
        apps = {name: service.app for name, service in self.services.items() if service.app is not None}
        self._tasks = [
            asyncio.create_task(serve(Gateway(own, apps), bound, self._stopping)),
            *(asyncio.create_task(service.run_background(self._stopping)) for service in self.services.values()),
        ]
        await self._answers()

    async def _build(self, coffer: CofferSettings, access: Mapping[str, AwsAccess]) -> None:
        for entry in SERVICES:
            key = access[f"{entry.name}-{self._tag}"]
            values: dict[str, Any] = {
                "database_url": self.databases[entry.name].replace(f":{self._postgres.port}/", f":{self.store.port}/"),
                "aws_access_key_id": key.access_key_id,
                "aws_secret_access_key": key.secret_access_key,
            }
            values |= dict.fromkeys(secret_fields(entry), SECRET)
            values |= public_fields(entry, dict.fromkeys(secret_names(), SECRET)) | QUICK | QUICKER.get(entry.name, {})
            self.services[entry.name] = self._in_chaos(entry, await entry.build(coffer, entry.settings(**values)))

    async def _answers(self) -> None:
        """Wait until every service has started: one that cannot reach its store at its start ends, and is no part of this."""
        async with httpx.AsyncClient(base_url=self.url, verify=False, timeout=START_SECONDS) as http:
            assert (await http.get("/livez")).status_code == 200

    @contextlib.contextmanager
    def _addresses_set(self) -> Iterator[None]:
        """Services find the cloud by the SDK's own variables, which belong to the whole process."""
        with _ENVIRONMENT, pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{self.queues.port}")
            patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{self.s3.port}")
            yield

    def _issuers(self) -> list[dict[str, Any]]:
        return [
            {"issuer": issuer, "jwks_url": self.url + _KEY_SETS[name][0], "kinds": _KEY_SETS[name][1]}
            for name, issuer in issuers().items()
        ]

    def _in_chaos(self, entry: Entry, service: Service) -> Service:
        bus = ChaosBus(
            service.bus,
            0,
            part=entry.name,
            names=self._named,
            longest_hidden_seconds=LONGEST_HIDDEN_SECONDS,
        )
        bus.calm()
        self.buses[entry.name] = bus
        quick = replace(entry.topology, lanes=tuple(_quick(lane) for lane in entry.topology.lanes))
        return replace(service, bus=bus, topology=quick)

    def _named(self, name: str) -> str:
        """The name of a topic or a queue in this house's part of the broker."""
        stem, dead, _ = name.partition("-dead")
        before, _, kind = stem.rpartition("-")
        return f"{before}-{self._tag}-{kind}{dead}"

    def _renamed(self, whole: Topology) -> Topology:
        services = tuple(
            replace(
                one,
                service=f"{one.service}-{self._tag}",
                lanes=tuple(
                    replace(
                        _quick(lane),
                        queue=self._named(lane.queue),
                        reads={self._named(topic): types for topic, types in lane.reads.items()},
                    )
                    for lane in one.lanes
                ),
            )
            for one in whole.services
        )
        return Topology(whole.bucket, services)

    @property
    def _parts(self) -> list[FaultProxy | ChaosBus]:
        """Everything that chaos comes from."""
        return [*self.proxies, *self.buses.values()]

    async def empty(self) -> None:
        """Forget everything that happened here; keys of auth and what the broker has lived through stay."""
        self.post.handed_over.clear()
        for name in self.services:
            tables = [row[0] for row in await self.fetch(name, TABLES)]
            # The audit refuses to forget; who owns the database may put its triggers to sleep.
            await self.fetch(name, "SET session_replication_role = replica")
            await self.fetch(name, f"TRUNCATE {', '.join(tables)} CASCADE")
            await self.fetch(name, "RESET session_replication_role")

    def begin(self, seed: int) -> None:
        """Chaos by this seed from now on."""
        for part in self._parts:
            part.begin(seed)

    @property
    def met(self) -> Counter[str]:
        """The faults that there were since it began, by name."""
        return sum((part.fates.met for part in self._parts), Counter())

    def calm(self) -> None:
        """The chaos is over."""
        for part in self._parts:
            part.calm()

    async def close(self) -> None:
        """End everything at once: what it leaves behind is thrown away."""
        self._stopping.set()
        _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS) if self._tasks else (set(), set())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CLOSE_SECONDS)
        for service in self.services.values():
            with contextlib.suppress(Exception):
                await service.close()
        for connection in self._connections.values():
            await connection.close()
        for proxy in self.proxies:
            await proxy.stop()

    def drop(self) -> None:
        """Remove the databases."""
        with ThreadPoolExecutor(4) as aside:
            list(aside.map(self._postgres.drop, self.databases.values()))

    async def fetch(self, service: str, query: str, *values: Any) -> list[asyncpg.Record]:
        """Ask a store past all chaos."""
        if service not in self._connections:
            self._connections[service] = await asyncpg.connect(self.databases[service].replace("+asyncpg", ""))
        rows: list[asyncpg.Record] = await self._connections[service].fetch(query, *values)
        return rows

    async def mails_to(self, address: str) -> list[dict[str, Any]]:
        """What was sent there."""
        return await self._cloud.mails_to(address)


def _quick(lane: Lane) -> Lane:
    return replace(lane, visibility_seconds=VISIBILITY_SECONDS, max_receives=RECEIVES)
