"""Ports that tests hand to processes they start, long before those listen on them."""

import os
import random
import socket
from collections.abc import Iterator

FIRST, LAST = 20_000, 32_000
"""Below the range from which the system takes the near end of connections: what runs beside a test cannot take one of
these by chance between the moment it is chosen and the moment it is listened on."""
SHARE = 1_000
"""What each test process has to itself."""


def free_port() -> int:
    """A port that is free at this moment; no second call in this test process, and no other worker's, gets the same."""
    for port in _offers:
        with socket.socket() as probe:
            # As servers do: one whose last connections are still in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"every port of this test process was given away or is taken ({SHARE} from {FIRST} to {LAST})")


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    shares = (LAST - FIRST) // SHARE
    ports = list(range(FIRST + worker % shares * SHARE, FIRST + (worker % shares + 1) * SHARE))
    # Two runs of the suite on one machine would otherwise ask for the same ones in the same order.
    random.SystemRandom().shuffle(ports)
    yield from ports


_offers = _own_ports()
