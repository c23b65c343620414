"""What auth had mailed, and the secrets of links as only the reader of a mail sees them."""

from dataclasses import dataclass

from sqlalchemy import text

from coffer_auth.handlers.deps import Deps
from coffer_chassis.sealing import open_sealed
from coffer_contracts.auth_mail import MailRequestedV1
from coffer_contracts.catalog import parse
from factories.accounts import MAIL_KEY, settle


@dataclass(frozen=True)
class Mail:
    """A mail that the notifier is asked for."""

    kind: str
    address: str
    user_id: str
    secret: str


async def mails_to(deps: Deps, address: str) -> list[Mail]:
    """What was asked for to go to this address, the oldest first; errands that wait are run before."""
    await settle(deps)
    async with deps.work.read() as connection:
        bodies = (await connection.execute(text("SELECT body FROM private_outbox ORDER BY position"))).scalars().all()
    asked = [event for body in bodies if isinstance(event := parse(body).data, MailRequestedV1)]
    return [Mail(one.kind, one.address, one.user_id, _opened(one)) for one in asked if one.address == address]


async def last_secret(deps: Deps, address: str, kind: str) -> str:
    """The secret of the newest link of that kind that went to this address."""
    return [mail.secret for mail in await mails_to(deps, address) if mail.kind == kind][-1]


def _opened(asked: MailRequestedV1) -> str:
    return "" if asked.sealed is None else open_sealed([MAIL_KEY], asked.sealed, asked.context).decode()
