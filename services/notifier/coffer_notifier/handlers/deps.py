"""What every handler may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_notifier.domain.queues import QueueAddress, QueueLetter, Sender
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.vault import Vault


class MailRefused(Exception):
    """The provider will never take this mail; the message says why."""


class Post(Protocol):
    """Hands mail to a provider."""

    async def send(self, mail: bytes, *, to: str) -> str:
        """Send one mail to one address; the provider's id of it.

        Raises MailRefused when trying again is useless, anything else when it may help. Running it twice sends two.
        """


class CallFailed(Exception):
    """A receiver did not answer. `code` is a stable word, which the owner of the webhook is shown."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """How a receiver answered: the beginning of it, and how long it wants to be left alone."""

    status: int
    head: str
    retry_after_seconds: int | None = None


class Receivers(Protocol):
    """Those who are told by webhook."""

    def accept(self, url: str) -> str:
        """The address as it is kept. Raises AddressRefused."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; whatever is answered is an answer. Raises CallFailed. Running it twice sends two."""


class TopicsAway(Exception):
    """SNS did not do what it was asked. `code` is a stable word."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Queues(Protocol):
    """Queues of subscribers."""

    sender: Sender | None
    """As whom Coffer sends; nothing where it sends to no queues."""
    is_secure: bool
    """Whether it sends by TLS."""

    def accept(self, arn: str) -> QueueAddress:
        """The queue, if it may be one. Raises AddressRefused."""

    async def send(self, arn: str, letter: QueueLetter) -> Answer:
        """Send one message. Raises CallFailed. Running it twice sends two, unless the queue keeps an order."""


class Topics(Protocol):
    """The topics of Coffer's services, as operators subscribe queues to them."""

    async def arn_of(self, topic: str) -> str:
        """The ARN of a topic. Raises TopicsAway."""

    async def subscribers(self, topic: str) -> Mapping[str, str]:
        """Who is subscribed: endpoint -> ARN of the subscription, or a word while that is not confirmed. Raises TopicsAway."""

    async def subscribe(self, topic: str, queue: str, values: Mapping[str, str]) -> str:
        """Subscribe a queue; the ARN of the subscription. Raises TopicsAway. Running it twice subscribes once."""

    async def change(self, arn: str, values: Mapping[str, str]) -> None:
        """Give a subscription these values. Raises TopicsAway. May run twice."""

    async def unsubscribe(self, arn: str) -> None:
        """End a subscription; one that is gone is fine. Raises TopicsAway."""


@dataclass(frozen=True)
class Deps:
    """The open parts of the service; nothing in here changes while it runs."""

    work: Work
    settings: NotifierSettings
    public_url: str
    denied: DenyList
    post: Post
    receivers: Receivers
    queues: Queues
    topics: Topics
    vault: Vault
