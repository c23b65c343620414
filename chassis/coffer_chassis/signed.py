"""A request that a service signed and a client makes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request a client may make by itself: method, address, and headers it must send exactly so."""

    method: str
    url: str
    headers: Mapping[str, str]
