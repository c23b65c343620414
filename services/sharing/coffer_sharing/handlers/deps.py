"""What every handler may use."""

from dataclasses import dataclass, field

from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_sharing.handlers.arrivals import Arrivals
from coffer_sharing.settings import SharingSettings

TREE = "tree"
"""The topic of wake-ups about items."""


@dataclass(frozen=True)
class Deps:
    """The open parts of the service; nothing in here changes while it runs."""

    work: Work
    settings: SharingSettings
    denied: DenyList
    arrivals: Arrivals = field(default_factory=Arrivals)
