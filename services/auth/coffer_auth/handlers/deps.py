"""What auth's handlers are given. Made by `app` only."""

from dataclasses import dataclass

from coffer_auth.handlers.keys import KeyRing
from coffer_auth.issuers import Issuers
from coffer_auth.passwords import Hashing
from coffer_chassis.identity import Revocations
from coffer_chassis.unit_of_work import Work


@dataclass(frozen=True)
class Deps:
    """Collaborators of every handler."""

    work: Work
    hashing: Hashing
    keys: KeyRing
    issuers: Issuers
    revocations: Revocations
    issuer: str
    fingerprint_key: bytes
