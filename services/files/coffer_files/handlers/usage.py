"""What a drive holds and may hold, as its owner sees it."""

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.problems import NotFound
from coffer_files.domain.usage import Usage
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_or_new
from coffer_files.store.tallies import usage_of


async def usage(deps: Deps, principal: Principal, origin: Origin) -> Usage:
    """What the caller's drive holds and may hold. One statement, once the drive is made."""
    async with deps.work.read() as connection:
        found = await usage_of(connection, principal.user_id)
    if found is None:
        await drive_or_new(deps, principal.user_id, origin)
        async with deps.work.read() as connection:
            found = await usage_of(connection, principal.user_id)
    if found is None:
        raise NotFound
    return found
