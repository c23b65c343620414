"""What people may learn about each other."""

from coffer_auth.domain.accounts import User
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import directory


async def person_known_as(deps: Deps, text: str) -> User | None:
    """The person with exactly this user name, or exactly this address if they have proved it; nobody who cannot sign in."""
    async with deps.work.read() as connection:
        return await directory.person_known_as(connection, text.strip())
