"""What every handler may use."""

from dataclasses import dataclass
from typing import Protocol

from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_notifier.settings import NotifierSettings


class MailRefused(Exception):
    """The provider will never take this mail; the message says why."""


class Post(Protocol):
    """Hands mail to a provider."""

    async def send(self, mail: bytes, *, to: str) -> str:
        """Send one mail to one address; the provider's id of it.

        Raises MailRefused when trying again is useless, anything else when it may help. Running it twice sends two.
        """


@dataclass(frozen=True)
class Deps:
    """The open parts of the service; nothing in here changes while it runs."""

    work: Work
    settings: NotifierSettings
    public_url: str
    denied: DenyList
    post: Post
