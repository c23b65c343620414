"""What requests about subscriptions of any kind ask for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.answers import Body
from coffer_chassis.requests import IdText
from coffer_contracts.problems import CursorInvalid
from coffer_notifier.domain.webhooks import MOST_TYPES
from coffer_notifier.store.webhooks import WebhookPlace

DESCRIPTION_LENGTH = 200


class ToldBody(Body):
    """Of what somebody is to be told, wherever."""

    event_types: list[str] = Field(
        description="Types, or patterns such as `files.*`; `GET /v1/events/types` says which types webhooks may ask for.",
        min_length=1,
        max_length=MOST_TYPES,
    )
    item_id: IdText | None = Field(None, description="Only facts about this item and what lies below it.")
    description: str = Field("", description="For yourself.", max_length=DESCRIPTION_LENGTH)


class SubscriptionChangeBody(Body):
    """New values; what is left out stays."""

    event_types: list[str] | None = Field(None, description="As when it was made.", min_length=1, max_length=MOST_TYPES)
    item_id: IdText | None = Field(None, description="Null: facts about any item.")
    description: str | None = Field(None, description="For yourself.", max_length=DESCRIPTION_LENGTH)
    enabled: bool | None = Field(None, description="Off: nothing is sent, and what waits is held. On: as good as new.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.model_fields_set
        if not given:
            raise PydanticCustomError("nothing_to_change", "Give at least one field.")
        if any(getattr(self, name) is None for name in given - {"item_id"}):
            raise PydanticCustomError("not_nullable", "Only item_id may be null.")
        return self


def webhook_place(position: Sequence[object]) -> WebhookPlace:
    """Where a list goes on. Raises CursorInvalid."""
    match position:
        case [datetime() as created_at, str() as webhook_id]:
            return WebhookPlace(created_at, webhook_id)
    raise CursorInvalid
