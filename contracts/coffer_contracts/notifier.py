"""Facts that the notifier publishes: acts of operators, and what became of webhooks. It is where the facts of others end."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import UserId, WebhookId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact


class OperatorActedV1(OperatorFact):
    """An operator changed what the notifier does with messages by hand."""

    type: ClassVar[str] = "notifier.operator.acted.v1"


class WebhookDisabledV1(Event):
    """Coffer turned a webhook off, because its receiver failed for days or wants no more. Its owner is told."""

    type: ClassVar[str] = "notifier.webhook.disabled.v1"

    webhook_id: WebhookId = described(description="The webhook.")
    owner_id: UserId = described(description="Whose webhook it is.")
    reason: str = described(description="Why, a stable word; more may come: `failing`, `gone` (the receiver answered 410).")
    host: str = described(description="The host that it went to; the rest of the address stays with its owner.", max_length=253)
    first_failed_at: Moment = described(description="When the failures began that nothing else came between.")
    disabled_at: Moment = described(description="When it was turned off.")

    @property
    def subject(self) -> str:
        return f"webhook/{self.webhook_id}"


class SightingNotedV1(SightingFact):
    """A personal access token was used at the notifier."""

    type: ClassVar[str] = "notifier.sighting.noted.v1"
