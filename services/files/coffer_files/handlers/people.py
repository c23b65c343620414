"""What is known of the people whose drives these are."""

from coffer_contracts.ids import UserId
from coffer_files.handlers.deps import Deps
from coffer_files.store.people import email_of as read_email


async def email_of(deps: Deps, user_id: UserId) -> str | None:
    """Somebody's address, for themselves only; None until auth has told it."""
    async with deps.work.read() as connection:
        return await read_email(connection, user_id)
