"""What subscribers outside are told, by webhook or in a queue of their own: the frame of it, to be read with.

A thinner thing than a fact (`catalog.parse` reads those, for whoever has a queue on a topic): what stands in `data` beside the
frame are fields of the fact that its reader may see, and more may come.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coffer_contracts.catalog import Unreadable


class ToldData(BaseModel):
    """What was told: the frame by name, the fields of the fact as `data.model_extra`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    event_id: str = Field(min_length=1)
    """The same whenever it comes again, and wherever: what was dealt with is remembered by it."""
    subject: str
    sequence: int
    """Counts the facts about the subject: what is lower than one that was seen came late."""
    actor_id: str | None = None
    actor_kind: str
    subscription_id: str | None = None
    subscription_sequence: int | None = None
    """Counts what the subscription was told, without holes; nothing for what was sent to try it out."""
    test: bool = False
    shortened: bool = False
    """It would have been too large: only its ids are told."""


class Told(BaseModel):
    """One message."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = Field(min_length=1)
    timestamp: datetime
    data: ToldData


def parse_told(body: str | bytes) -> Told:
    """The message in a request to a webhook or in a queue. Raises Unreadable for what is none, such as a code."""
    try:
        return Told.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(f"not what Coffer tells: {error.error_count()} errors") from error
