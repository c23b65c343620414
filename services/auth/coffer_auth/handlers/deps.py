"""What auth's handlers are given. Made by `app` only."""

from dataclasses import dataclass

from coffer_auth.issuers import Issuers
from coffer_auth.totp import TotpSecrets
from coffer_chassis.blobs import Blobs
from coffer_chassis.hashing import Hashing
from coffer_chassis.identity import Revocations
from coffer_chassis.sealing import SealingKey
from coffer_chassis.sightings import Sightings
from coffer_chassis.signing.ring import KeyRing
from coffer_chassis.unit_of_work import Work


@dataclass(frozen=True)
class Deps:
    """Collaborators of every handler."""

    work: Work
    hashing: Hashing
    keys: KeyRing
    totp: TotpSecrets
    issuers: Issuers
    revocations: Revocations
    sightings: Sightings
    blobs: Blobs
    issuer: str
    mail_key: SealingKey
    """The notifier's: for secrets that only the reader of a mail may see."""
    fingerprint_key: bytes
    require_verified_email: bool
    """Whether only accounts with a proved address may sign in."""
