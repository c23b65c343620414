"""What operators' requests are made of: names under a prefix, filters, bodies, places of cursors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.admin.letters import State
from coffer_chassis.admin.operations import Operations
from coffer_chassis.answers import Body
from coffer_chassis.cursors import Value
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.replays import FASTEST_PER_SECOND, RATE_PER_SECOND, SLOWEST_PER_SECOND
from coffer_chassis.requests import IdText, Moment
from coffer_contracts.problems import CursorInvalid

DEFAULT_LIMIT = 50
MOST_IDS = 1000
NAME_LENGTH = 200

TheOperations = NamedDependency[Operations]

LetterId = Annotated[str, PathParameter(description="The dead letter's id.")]
ReplayId = Annotated[str, PathParameter(description="The replay's id.")]

OfQueue = Annotated[str | None, QueryParameter(name="queue", description="Only of this queue.")]
OfType = Annotated[str | None, QueryParameter(name="type", description="Only of this event type.")]
OfError = Annotated[str | None, QueryParameter(name="error_class", description="Only what failed with this error.")]
OfHandler = Annotated[str | None, QueryParameter(name="handler", description="Only what this handler failed at.")]
OfReason = Annotated[str | None, QueryParameter(name="reason", description="Only with a reason that begins like this.")]
InState = Annotated[State, QueryParameter(name="state", description="`waiting`, `redriven` or `dropped`.")]

Rate = Annotated[float, Field(ge=SLOWEST_PER_SECOND, le=FASTEST_PER_SECOND, description="Messages per second, at most.")]
DryRun = Annotated[bool, Field(strict=True, description="Only count what it would be about.")]
_Filter = Annotated[str | None, Field(max_length=NAME_LENGTH)]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Where a service's operators' routes stand, and how their operations are called."""

    path: str
    word: str
    acted: tuple[str, ...]
    """What follows from routes that act."""

    @classmethod
    def of(cls, service: str) -> Self:
        """The prefix of one service."""
        family = service.partition("-")[0]  # types of the media worker begin with `media.`
        return cls(f"/v1/admin/{service}", service.replace("-", "_"), (f"{family}.operator.acted.v1",))


class LetterFilter(Body):
    """Which dead letters; what is left out may be anything, so `{}` is every letter that waits."""

    queue: _Filter = Field(None, description="Of this queue.")
    type: _Filter = Field(None, description="Of this event type.")
    error_class: _Filter = Field(None, description="That failed with this error.")
    handler: _Filter = Field(None, description="That this handler failed at.")
    reason: _Filter = Field(None, description="Whose reason begins like this.")


class SomeLetters(Body):
    """Some letters by id, or all that fit a filter."""

    ids: list[IdText] | None = Field(None, max_length=MOST_IDS, description="These letters.")
    filter: LetterFilter | None = Field(None, description="All letters that fit and wait.")

    @model_validator(mode="after")
    def _one_way_to_name_them(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("one_of", "Name letters by ids or by filter, one of the two.")
        return self

    @property
    def wanted(self) -> Wanted:
        """As the chassis takes it."""
        if self.filter is None:
            return Wanted(ids=tuple(self.ids or ()))
        return Wanted(**self.filter.model_dump())


class RedriveBody(SomeLetters):
    """What is to be sent to its queue again."""

    rate_per_second: Rate = RATE_PER_SECOND
    dry_run: DryRun = False


class ConfirmBody(Body):
    """A word that nobody gives by accident."""

    confirm: str = Field(max_length=30, description="`drop` and the number of letters, as in `drop 12`.")


class DropBody(SomeLetters):
    """What is to be given up."""

    confirm: str = Field("", max_length=30, description="`drop` and the number of letters, as in `drop 12`.")
    dry_run: DryRun = False


class RepublishBody(Body):
    """Which events are to be published again; what is left out may be anything."""

    since: Moment | None = Field(None, description="Sent at this time or later.")
    until: Moment | None = Field(None, description="Sent before this time; default: now.")
    types: list[Annotated[str, Field(max_length=NAME_LENGTH)]] = Field([], max_length=100, description="Of these event types.")
    subject: str | None = Field(None, max_length=NAME_LENGTH, description="About this subject, e.g. `item/<id>`.")
    consumer: str | None = Field(
        None, pattern="^[A-Za-z0-9_-]{1,80}$", description="For this queue only; all others drop them unread."
    )
    rate_per_second: Rate = RATE_PER_SECOND
    dry_run: DryRun = False

    @model_validator(mode="after")
    def _a_span_of_time(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise PydanticCustomError("empty_span", "until must be later than since.")
        return self


def place_of(position: Sequence[Value]) -> tuple[datetime, str]:
    """The place inside a cursor of a listing by time and id; raises CursorInvalid for any other."""
    match position:
        case [datetime() as at, str() as row_id]:
            return at, row_id
    raise CursorInvalid


def number_of(position: Sequence[Value]) -> int:
    """The place inside a cursor of a listing by number; raises CursorInvalid for any other."""
    match position:
        case [int() as number] if not isinstance(number, bool):
            return number
    raise CursorInvalid
