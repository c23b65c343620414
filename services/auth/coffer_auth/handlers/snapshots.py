"""What auth tells again for readers that lost their copy: every account as it stands."""

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.handlers.accounts import user_fact
from coffer_auth.store.users import users_after
from coffer_chassis.snapshots import Restatement, Source
from coffer_contracts.auth import UserChangedV1
from coffer_contracts.ids import UserId

PAGE = 500


async def people(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
    """A page of accounts at their revisions, deleted ones included."""
    found = await users_after(connection, UserId(after) if after else None, PAGE)
    told: list[Restatement] = [(user_fact(UserChangedV1, user, changes=()), user.revision) for user in found]
    return told, found[-1].id if len(found) == PAGE else None


PEOPLE = Source("people", people)
