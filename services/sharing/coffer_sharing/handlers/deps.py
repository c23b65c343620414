"""What every handler may use."""

from dataclasses import dataclass, field

from coffer_chassis.hashing import Hashing
from coffer_chassis.revocations import DenyList
from coffer_chassis.sealing import SealingKey
from coffer_chassis.signing.ring import KeyRing
from coffer_chassis.unit_of_work import Work
from coffer_sharing.addresses import Addresses
from coffer_sharing.handlers.arrivals import Arrivals
from coffer_sharing.settings import SharingSettings
from coffer_sharing.tokens import LinkTokens

TREE = "tree"
"""The topic of wake-ups about items."""
INVITATIONS = "invitations"
"""The topic of those who left an invitation, or somebody, to be looked at."""


@dataclass(frozen=True)
class Deps:
    """The open parts of the service; nothing in here changes while it runs."""

    work: Work
    settings: SharingSettings
    denied: DenyList
    addresses: Addresses
    mail_key: SealingKey
    """What mail to the invited is sealed to."""
    hashing: Hashing
    keys: KeyRing
    link_tokens: LinkTokens
    public_url: str
    """What addresses of links begin with."""
    arrivals: Arrivals = field(default_factory=Arrivals)
