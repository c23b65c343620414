"""The AWS clients of one process: made once at start, each with a pool of its own so that long polls starve nobody.

Creating a client blocks the event loop for tens of milliseconds, so none is ever made per request.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from pydantic import SecretStr

CONNECT_SECONDS = 3
READ_MARGIN_SECONDS = 10


@dataclass(frozen=True)
class AwsAccess:
    """Where the cloud is and who asks. Every None means: as the AWS SDK finds it in its own variables."""

    region: str = "us-east-1"
    endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    def client_arguments(self, service: str) -> dict[str, Any]:
        """Keyword arguments for a client of `service`."""
        secret = self.secret_access_key.get_secret_value() if self.secret_access_key else None
        endpoint = (self.s3_endpoint_url or self.endpoint_url) if service == "s3" else self.endpoint_url
        is_plain = endpoint is not None and endpoint.startswith("http://")
        return {
            "region_name": self.region,
            "endpoint_url": endpoint,
            # Where nobody shows a certificate, every client would still read those of all authorities first: 30 ms and memory.
            "verify": False if is_plain else None,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": secret,
        }


USER_AGENT = f"coffer/{version('coffer')}"


@dataclass(frozen=True)
class AwsClients:
    """The long-lived clients of one process."""

    sns: Any
    sqs: Any
    sqs_poll: Any
    s3: Any


def _config(pool: int, *, attempts: int, read_seconds: float) -> AioConfig:
    return AioConfig(
        max_pool_connections=pool,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # Several S3-compatible servers store the chunk framing of SDK-made checksums as content.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
        # The SDK would put its own together anew for every call, which takes a fifth of the call's time.
        user_agent=USER_AGENT,
    )


@cache
def sdk_models() -> Any:
    """The SDK's descriptions of the services, 14 MiB when read: one copy for all services of a process."""
    return get_session().get_component("data_loader")


def _session() -> Any:
    session = get_session()
    session.register_component("data_loader", sdk_models())
    return session


@asynccontextmanager
async def open_mail_client(access: AwsAccess) -> AsyncIterator[Any]:
    """Open a client of SES, for the one service that sends mail. It never tries again by itself: that could send twice."""
    config = _config(5, attempts=1, read_seconds=READ_MARGIN_SECONDS)
    async with _session().create_client("sesv2", config=config, **access.client_arguments("sesv2")) as client:
        yield client


@asynccontextmanager
async def open_queue_client(access: AwsAccess, *, region: str, endpoint: str, at_once: int) -> AsyncIterator[Any]:
    """Open a client of SQS in a region that need not be ours, for queues of others: AWS's own `endpoint` there, unless the
    cloud is a local one. It never tries again by itself: whoever sends keeps a schedule.
    """
    config = _config(at_once, attempts=1, read_seconds=READ_MARGIN_SECONDS)
    arguments = {**access.client_arguments("sqs"), "region_name": region}
    arguments["endpoint_url"] = access.endpoint_url or endpoint
    async with _session().create_client("sqs", config=config, **arguments) as client:
        yield client


@asynccontextmanager
async def open_topic_client(access: AwsAccess) -> AsyncIterator[Any]:
    """Open a client of SNS, for the one service whose operators subscribe queues to topics."""
    config = _config(5, attempts=3, read_seconds=READ_MARGIN_SECONDS)
    async with _session().create_client("sns", config=config, **access.client_arguments("sns")) as client:
        yield client


@asynccontextmanager
async def open_clients(access: AwsAccess, *, receivers: int, wait_seconds: int) -> AsyncIterator[AwsClients]:
    """Open the clients of one process: `receivers` is how many long polls run at once, each up to `wait_seconds`."""
    session = _session()
    plain = _config(50, attempts=3, read_seconds=READ_MARGIN_SECONDS)
    # The consumer's own loop backs off, so a poll is tried once.
    poll = _config(receivers + 2, attempts=1, read_seconds=wait_seconds + READ_MARGIN_SECONDS)
    async with AsyncExitStack() as stack:

        async def open_one(service: str, config: AioConfig) -> Any:
            context = session.create_client(service, config=config, **access.client_arguments(service))
            return await stack.enter_async_context(context)

        yield AwsClients(
            sns=await open_one("sns", plain),
            sqs=await open_one("sqs", plain),
            sqs_poll=await open_one("sqs", poll),
            s3=await open_one("s3", plain),
        )
