"""A real local cloud for tests: one fenced ministack per test process, users with the rights their topology gives them.

Names are the tests' business: `tag` makes those of one test module differ from those of all others.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess
from coffer_chassis.provision import Provisioner
from coffer_chassis.service_policy import service_policy
from coffer_chassis.topology import Topology
from coffer_local.credentials import AccessKey
from coffer_local.home import Home
from coffer_local.ministack import CloudUser, LocalCloud

ACCOUNT = "000000000000"
REGION = "us-east-1"
SERVICE_USERS = 6
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
START_SECONDS = 60

_tags = itertools.count(1)


class Cloud:
    """A running local cloud: where it is, who may enter, and what is in it."""

    def __init__(self, local: LocalCloud, admin: AccessKey, keys: tuple[AccessKey, ...]) -> None:
        self._local = local
        self.endpoint = local.endpoint
        self.admin = self._access(admin)
        self._keys = keys
        self._iam = boto3.client("iam", **self.admin.client_arguments("iam"))

    def provision(
        self, topology: Topology, *, web_origins: tuple[str, ...] = (), mail_from: str | None = None
    ) -> dict[str, AwsAccess]:
        """Create what the topology describes; service -> access with no more rights than that service has. May run twice."""
        Provisioner(topology, self.admin, web_origins, mail_from).run()
        given: dict[str, AwsAccess] = {}
        for number, service in enumerate(topology.services):
            policy = service_policy(service, topology, account=ACCOUNT, region=REGION)
            self._iam.put_user_policy(UserName=_user(number), PolicyName=topology.bucket, PolicyDocument=json.dumps(policy))
            given[service.service] = self._access(self._keys[number])
        return given

    async def mails_to(self, address: str) -> list[dict[str, Any]]:
        """What SES was given to send there, oldest first."""
        return [mail for mail in await self._local.ses_messages() if mail["To"] == [address]]

    def _access(self, key: AccessKey) -> AwsAccess:
        return AwsAccess(REGION, self.endpoint, None, key.key_id, SecretStr(key.secret))


def _user(number: int) -> str:
    return f"service-{number}"


def _key() -> AccessKey:
    return AccessKey("AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20))


@contextlib.contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Start a local cloud on a free port and stop it at the end.

    Its loop has a thread of its own, which must outlast the child: the kernel ends the child with the thread.
    """
    admin, keys = _key(), tuple(_key() for _ in range(SERVICE_USERS))
    users = [CloudUser("admin", admin, EVERYTHING)]
    users += [CloudUser(_user(number), key, NOTHING) for number, key in enumerate(keys)]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="local cloud", daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="coffer-test-") as folder, Home.open(Path(folder)) as home:
        cloud = LocalCloud(home, users, secrets.token_hex(16), region=REGION)
        asyncio.run_coroutine_threadsafe(cloud.start(keep_state=False), loop).result(START_SECONDS)
        try:
            yield Cloud(cloud, admin, keys)
        finally:
            asyncio.run_coroutine_threadsafe(cloud.stop(), loop).result(START_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The local cloud of this test process."""
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def tag() -> str:
    """What makes this test module's names its own."""
    return f"m{next(_tags)}"
