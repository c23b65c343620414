"""A second, independent AWS for tests: moto's server, in this process.

Whatever only one of the two understands is an emulator's habit and no rule of AWS. moto asks nobody who they are: it
checks no signature, no user's rights and no queue's policy, so refusals are tested on the local cloud.
"""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess
from coffer_chassis.provision import Provisioner
from coffer_chassis.topology import Topology
from factories.cloud import REGION, Cloud


class MotoCloud:
    """A running moto: where it is, and what is in it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.admin = AwsAccess(REGION, endpoint, None, "AKIAMOTO", SecretStr("moto"))

    def provision(self, topology: Topology, *, web_origins: tuple[str, ...] = ()) -> dict[str, AwsAccess]:
        """Create what the topology describes; service -> access, the same for all of them. May run twice."""
        Provisioner(topology, self.admin, web_origins).run()
        return dict.fromkeys((service.service for service in topology.services), self.admin)


AnyCloud = Cloud | MotoCloud


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoCloud]:
    """The moto of this test process, on a free port of the loopback interface."""
    with pytest.MonkeyPatch.context() as patch:
        # Read on import. Without it every origin may do everything, whatever the bucket's CORS rules say.
        patch.setenv("MOTO_DISABLE_GLOBAL_CORS", "true")
        from moto.server import ThreadedMotoServer  # noqa: PLC0415  # and half a second that fast tests need not wait
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield MotoCloud(f"http://{host}:{port}")
    server.stop()
