"""Who is limited, and letting them go on before their time: what operators do with limits."""

from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.limits.counts import CountsAway
from coffer_chassis.origin import Origin
from coffer_contracts.problems import DependencyFailed, NotFound


async def lift(operations: Operations, origin: Origin, policy: str, who: str) -> int:
    """Give somebody their whole quota back at once; how often they were refused. Where processes count for themselves, in this
    one.

    Raises NotFound if they are not limited, DependencyFailed while the shared place is away. A crash between the lifting and
    its fact leaves them lifted and nobody told; done twice, the second is NotFound.
    """
    try:
        refused = await operations.limiter.lift(policy, who)
    except CountsAway as error:
        raise DependencyFailed("Where limits are counted cannot be asked at this moment.", retry_after_seconds=5) from error
    if refused is None:
        raise NotFound
    async with operations.work.unit(origin) as unit:
        acts.record(operations, unit, acts.LIFTED, target=f"limit/{policy}", count=refused, who=who)
    return refused
