"""Tells auth, by fact, which personal access tokens were used here, so that their owners can see it."""

from coffer_chassis.housekeeping import Job
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.sightings import Sightings
from coffer_chassis.unit_of_work import Work
from coffer_contracts.ids import SightingId
from coffer_contracts.sightings import SightingFact

LOOK_EVERY_SECONDS = 30


async def tell_uses(work: Work, sightings: Sightings, fact: type[SightingFact]) -> int:
    """Emit what is due, as one fact each; how many. What could not be committed is told the next time."""
    due = sightings.due()
    if due:
        async with work.unit(Origin.system(new_id())) as unit:
            for seen in due:
                said = fact(
                    sighting_id=SightingId(new_id()), token_id=seen.token_id, user_id=seen.user_id, used_at=seen.used_at
                )
                unit.emit(said, sequence=1)
        sightings.tell(due)
    return len(due)


def watches(work: Work, sightings: Sightings, fact: type[SightingFact]) -> tuple[Job, ...]:
    """What every process repeats that answers requests."""
    return (Job("tell_token_uses", lambda: tell_uses(work, sightings, fact), LOOK_EVERY_SECONDS),)
