"""What a service process opens at start and closes at the end: store, clients, bus, bucket. Services build on it."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.blobs import Blobs
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.bus import Bus
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import Clock, SystemClock
from coffer_chassis.identity import Revocations, Verifier
from coffer_chassis.limits.limiter import Limiter
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.settings import CofferSettings, ServiceSettings
from coffer_chassis.shrinking_pool import ShrinkingPool
from coffer_chassis.tables import ChassisTables
from coffer_chassis.unit_of_work import Work
from coffer_chassis.wakeups import Wakeups

REFRESH_SECONDS = 60
LOOP_CONNECTIONS = 4
"""Of the pool, for relay, consumers and jobs."""
POOL_SECONDS = 5
"""How long a loop waits for a connection; requests wait for their turn before (`unit_of_work`)."""
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 20
"""A store that froze must not freeze those who ask it; no statement of ours takes this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Runtime:
    """The open parts of one service in one process."""

    service: str
    coffer: CofferSettings
    clock: Clock
    engine: AsyncEngine
    bus: Bus
    blobs: Blobs
    limiter: Limiter
    turns: int
    """Units and reads at once; the other connections are for the loops."""

    def verifier(self, revocations: Revocations) -> Verifier:
        """What turns bearer tokens into principals, by the key sets of the issuers that the settings trust."""
        return Verifier(self.coffer.trusted_issuers, self.coffer.home / "key-sets", self.clock, revocations=revocations)

    def work(self, tables: ChassisTables, *, source: str) -> Work:
        """Units of work on the store; `source` is the service's CloudEvents source, e.g. `/files`."""
        wakeups = Wakeups(self.engine, self.service)
        return Work(self.engine, tables, source=source, clock=self.clock, wakeups=wakeups, turns=self.turns)


def aws_access(settings: ServiceSettings) -> AwsAccess:
    """Where the cloud is, by the AWS SDK's own variables, and whose key is used."""
    return AwsAccess(
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        s3_endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"),
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
    )


async def open_runtime(
    stack: AsyncExitStack,
    coffer: CofferSettings,
    settings: ServiceSettings,
    *,
    service: str,
    receivers: int,
    access: AwsAccess | None = None,
    clock: Clock | None = None,
) -> Runtime:
    """Open everything; closed in reverse order when `stack` is. `receivers` is how many queues are polled at once."""
    access = access or aws_access(settings)
    clock = clock or SystemClock()
    engine = create_async_engine(
        str(settings.database_url),
        poolclass=ShrinkingPool,
        pool_size=settings.database_pool_size,
        max_overflow=0,  # connections beyond the pool would be opened and closed all the time under load
        pool_use_lifo=True,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,  # an error in a log must not show what people store
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            "server_settings": {"application_name": f"coffer-{service}", "jit": "off"},
        },
    )
    stack.push_async_callback(engine.dispose)
    clients = await stack.enter_async_context(
        open_clients(access, receivers=receivers, wait_seconds=settings.poll_wait_seconds)
    )
    base = coffer.s3_public_url or access.s3_endpoint_url or access.endpoint_url
    path_style = base or f"https://s3.{access.region}.amazonaws.com"
    blobs = S3Blobs(
        clients.s3,
        bucket=coffer.bucket,
        presigner=Presigner(f"{path_style.rstrip('/')}/{coffer.bucket}", access.region),
        clock=clock,
        credentials=await _signing_key(stack, clients.s3),
        encryption=coffer.encryption,
    )
    turns = max(1, settings.database_pool_size - LOOP_CONNECTIONS)
    limiter = Limiter.of(coffer, service, clock=clock, stack=stack)
    return Runtime(service, coffer, clock, engine, AwsBus(clients), blobs, limiter, turns)


class _Credentials:
    """What the SDK signs with, as a plain value: temporary credentials are renewed in the background."""

    def __init__(self, client: Any) -> None:
        self._source = client._request_signer._credentials  # noqa: SLF001  # botocore's only way to what it found
        self._key = SigningKey("", "")

    def __call__(self) -> SigningKey:
        return self._key

    async def refresh(self) -> None:
        frozen = await self._source.get_frozen_credentials()
        self._key = SigningKey(frozen.access_key, frozen.secret_key, frozen.token)

    async def keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001  # the old key works on; the SDK renews long before it ends
                log.warning("credentials_not_renewed", error=repr(error))


async def _signing_key(stack: AsyncExitStack, client: Any) -> Callable[[], SigningKey]:
    credentials = _Credentials(client)
    await credentials.refresh()
    renewing = asyncio.create_task(credentials.keep_fresh())
    stack.callback(renewing.cancel)
    return credentials
