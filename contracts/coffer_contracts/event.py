"""The envelope every event travels in, and the base of every payload.

CloudEvents 1.0 in structured JSON. Writers are closed (an unknown field is a programming error), readers are open:
`parse` in the catalog ignores what it does not know, so that a newer writer of the same major never breaks an older reader.
"""

from abc import abstractmethod
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from coffer_contracts.ids import EventId, UserId
from coffer_contracts.words import Open

ActorKind = Literal["user", "token", "link", "operator", "system"]

UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
"""An identifier as text (RFC 9562 section 5.7)."""

SEQUENCE_DIGITS = 12
"""Width of `sequence`: it must sort as text (CloudEvents extension "sequence")."""


def rfc3339(moment: datetime) -> str:
    """RFC 3339 text in UTC with microseconds and `Z`: one form everywhere, and it sorts."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""An aware UTC time that is written as `rfc3339` does."""


def described(default: Any = ..., description: str = "", **constraints: Any) -> Any:
    """A field with its description for the generated docs."""
    return Field(default, description=description, **constraints)


class Shape(BaseModel):
    """A frozen part of a payload; nothing unknown may be written into it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Shape):
    """A past fact with the full state after it.

    `type` is the wire type (`<service>.<entity>.<past-tense fact>.v<major>`). `public` marks facts that no service
    of this release reads; they exist for subscribers and for the services that join later.
    """

    type: ClassVar[str]
    public: ClassVar[bool] = False

    @property
    @abstractmethod
    def subject(self) -> str:
        """`<entity>/<id>`: what the fact is about and what its sequence counts."""

    @property
    def owner(self) -> UserId | None:
        """The tenant the fact belongs to: the owner of the drive or account."""
        owner_id: UserId | None = getattr(self, "owner_id", None)
        return owner_id


class PrivateCommand(Event):
    """A request that may carry a sealed secret, from one service to one reader: `<service>.<entity>.requested.v<major>`.

    No fact: it travels on a topic that nobody else may read, is deleted when it was sent, is never told again, and shows its
    body to nobody but its reader. Each is a subject of its own, so its sequence is always 1.
    """

    expires_at: Moment = described(description="From then on nobody sends or handles it any more.")


E_co = TypeVar("E_co", bound=Event, covariant=True)


class Meta(BaseModel):
    """The envelope without its payload: what shared code needs to know about a message.

    `specversion` and `datacontenttype` are closed: another one is another format, which nobody here could read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: str
    type: str
    subject: str
    time: Moment
    dataschema: str
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: str
    sequence: str = Field(pattern=rf"^[0-9]{{{SEQUENCE_DIGITS}}}$")
    ownerid: UserId | None = None
    actorid: str | None = None
    actorkind: Annotated[ActorKind, Open("system")] = "system"
    correlationid: str
    causationid: EventId | None = None
    traceparent: str | None = None
    newerid: Annotated[EventId, Field(pattern=UUID7)] | None = None
    """Set by writers on an older twin; `parse` puts it in the place of `id`, so a reader never sees it."""

    @property
    def revision(self) -> int:
        """`sequence` as a number: the revision of the subject that this fact reports."""
        return int(self.sequence)


class Envelope(Meta, Generic[E_co]):
    """A fact with its envelope. Serialize with `to_json` only: a field typed with the base class would lose the payload."""

    data: E_co

    def to_json(self) -> str:
        """The message body, as it stands in the outbox and on the wire: ASCII, so that SNS takes any file name."""
        # Not `serialize_as_any` on the whole: it forgets how times are written.
        head = self.model_dump_json(exclude={"data"}, exclude_none=True, ensure_ascii=True)
        data = self.data.model_dump_json(exclude_none=True, ensure_ascii=True)
        return f'{head[:-1]},"data":{data}}}'


def sequence_text(revision: int) -> str:
    """Zero-padded so that it sorts as text."""
    return f"{revision:0{SEQUENCE_DIGITS}d}"
