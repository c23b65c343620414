"""Facts that the notifier publishes: acts of operators, what became of webhooks, and what people want to be told. It is where
the facts of others end.
"""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, Shape, described
from coffer_contracts.ids import UserId, WebhookId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact


class OperatorActedV1(OperatorFact):
    """An operator changed what the notifier does with messages by hand."""

    type: ClassVar[str] = "notifier.operator.acted.v1"


class WebhookDisabledV1(Event):
    """Coffer turned a webhook or a queue off: it failed for days, its receiver wants no more, or an operator says so. Its owner
    is told.
    """

    type: ClassVar[str] = "notifier.webhook.disabled.v1"

    webhook_id: WebhookId = described(description="The webhook.")
    owner_id: UserId = described(description="Whose webhook it is.")
    reason: str = described(
        description="Why, a stable word; more may come: `failing`, `gone` (the receiver answered 410), `taken_down`."
    )
    host: str = described(description="The host that it went to; the rest of the address stays with its owner.", max_length=253)
    first_failed_at: Moment = described(
        description="When the failures began that nothing else came between; if there were none, when it was turned off."
    )
    disabled_at: Moment = described(description="When it was turned off.")
    queue_arn: str | None = described(
        None, description="The subscriber's queue, if that is what was turned off: `host` has its messages.", max_length=200
    )
    detail: str | None = described(None, description="Why, in the words of the operator who did it.", max_length=2000)

    @property
    def subject(self) -> str:
        return f"webhook/{self.webhook_id}"


class NoticeChoice(Shape):
    """By what a person is told of one type of notice."""

    notice: str = described(description="The type of the notice; a reader leaves aside those it does not know.")
    in_app: bool = described(description="Whether it stands in the feed and the live streams.")
    email: bool = described(description="Whether it goes out by mail.")


class QuietHours(Shape):
    """When mail waits, every day."""

    start: str = described(description="When they begin by the clock of that time zone, `HH:MM`.")
    end: str = described(description="When they end; before `start` means on the next day.")
    timezone: str = described(description="IANA name of the time zone.")


class PreferencesChangedV1(Event):
    """Somebody chose otherwise by what they are told of things. It carries all that they want now."""

    type: ClassVar[str] = "notifier.preferences.changed.v1"
    public: ClassVar[bool] = True

    user_id: UserId = described(description="Whose they are.")
    how: str = described(
        description="A stable word; more may come: `chosen` by the signed-in person, `unsubscribed` by the link of a mail."
    )
    choices: tuple[NoticeChoice, ...] = described(description="One for each type of notice that there is.")
    quiet_hours: QuietHours | None = described(None, description="When mail waits; null for never.")
    locale: str | None = described(None, description="BCP 47 language tag of mail; null for the one of the account.")
    changed_at: Moment = described(description="When they were changed.")

    @property
    def subject(self) -> str:
        return f"preferences/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class SightingNotedV1(SightingFact):
    """A personal access token was used at the notifier."""

    type: ClassVar[str] = "notifier.sighting.noted.v1"
