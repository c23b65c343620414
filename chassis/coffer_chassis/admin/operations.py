"""What operators' routes and commands of one service stand on."""

from dataclasses import dataclass

from coffer_chassis.bus import Bus
from coffer_chassis.limits.limiter import Limiter
from coffer_chassis.topology import Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.operators import OperatorFact


@dataclass(frozen=True)
class Operations:
    """The parts of a service that operators reach into; nothing in here changes while it runs."""

    topology: ServiceTopology
    work: Work
    bus: Bus
    acted: type[OperatorFact]
    """The service's own type of the fact that an operator acted."""
    limiter: Limiter

    def lane(self, queue: str) -> Lane | None:
        """The lane of a queue, if it is the service's."""
        return next((lane for lane in self.topology.lanes if lane.queue == queue), None)
