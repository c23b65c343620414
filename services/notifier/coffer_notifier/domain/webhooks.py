"""Webhooks: what one is, which types it asks for, and how long its deliveries are tried. Pure.

A queue of a subscriber's own (`queues.py`) is a webhook of another kind: the same row, rights and schedule, another way.

Sent at least once. The one way to send a delivery twice: the process dies, or loses its store, between the receiver's
answer and the row that says so. The claim then lapses, and it goes out again under the same webhook-id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from coffer_contracts.ids import EventId, ItemId, UserId, WebhookId
from coffer_contracts.problems import FieldError, ValidationFailed

DeliveryState = Literal["queued", "sending", "delivered", "failed", "held", "withheld"]
"""`held`: its webhook is turned off; `recover` sends it. `withheld`: its owner may not see it, and is not told of it."""

DisabledFor = Literal["failing", "gone"]

Kind = Literal["webhook", "queue"]
"""By what way its facts go: a request to an address, or a message into a queue."""
WEBHOOKS_ONLY: tuple[Kind, ...] = ("webhook",)
EVERY_KIND: tuple[Kind, ...] = ("webhook", "queue")

Standing = Literal["proven", "new", "failing"]
STANDINGS: tuple[Standing, ...] = ("proven", "new", "failing")

EACH: Mapping[Standing, int] = {"proven": 5, "new": 1, "failing": 1}
"""Requests under way to one webhook at most, whichever processes send them."""
PER_PERSON = 10
"""Requests under way to webhooks of one person and standing at most, in one process."""

SLOW_AFTER_SECONDS = 0.5
"""Who has not answered by then is only waited for, and their place is for somebody else."""
SLOW_FOR_EACH_PLACE = 8
"""How many may be waited for like that, for each place; beyond that they keep theirs until they answer."""

ANSWER_WITHIN = timedelta(seconds=15)
"""How long a receiver may take to answer, looking its name up and connecting included."""
LEASE = timedelta(seconds=60)
"""How long one attempt may take before another process takes it over; longer than its time limit and its settling."""

SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Before each attempt; a delivery is given up after the last."""
JITTER = 0.2
LONGEST_WAIT = timedelta(hours=24)
"""Of what receivers may ask for by Retry-After."""

FAILING_FOR = timedelta(days=5)
"""A webhook that fails for so long without one success is turned off."""
HELD_FOR = timedelta(days=7)
"""How long after that facts are still kept for it, so that nothing is missing once it is turned on and recovered."""
SECRET_OVERLAP = timedelta(hours=24)
"""How long a secret that was replaced still signs."""
MOST_OLDER = 3
"""Secrets before the one that was replaced last which still sign, at most: each makes the header longer."""

MOST_TYPES = 50
ENTRIES = 20
"""Attempts that the log of one delivery holds; the newest."""


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A secret that was replaced, sealed, and until when it signs."""

    sealed: bytes
    until: datetime


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where somebody wants to be told, and of what. Secrets are sealed."""

    id: WebhookId
    user_id: UserId
    url: str
    """Of a queue: its ARN."""
    event_types: tuple[str, ...]
    item_id: ItemId | None
    description: str
    enabled: bool
    """A queue is off until its owner has proved that it is theirs."""
    disabled_for: DisabledFor | None
    """Why Coffer turned it off; nothing if its owner did."""
    disabled_at: datetime | None
    failing_since: datetime | None
    proven: bool
    """Whether its receiver took the last delivery, at this address."""
    sealed_secret: bytes | None
    """A queue has none: who may send there is said by its policy."""
    sealed_old_secret: bytes | None
    old_secret_until: datetime | None
    older_secrets: tuple[OldSecret, ...]
    """Those before that, newest first: whoever asks for a new secret twice has the first one in their receiver."""
    created_at: datetime
    changed_at: datetime
    revision: int
    kind: Kind = "webhook"
    confirmed_at: datetime | None = None
    """Since when its owner has proved that the queue is theirs."""
    code_digest: bytes | None = None
    code_until: datetime | None = None
    last_number: int = 0
    """What was told last has this number; the first has 1."""
    taken_down_at: datetime | None = None
    """Since when an operator keeps it off, whatever its owner wants."""
    takedown_reason: str | None = None
    back_on: bool = False
    """Whether it is on again once it is put back: it was on, and its owner has not turned it off meanwhile."""

    @property
    def needs_proof(self) -> bool:
        """Whether nothing may be sent there yet but the code."""
        return self.kind == "queue" and self.confirmed_at is None

    @property
    def standing(self) -> Standing:
        """What it may expect: see `places_for`."""
        if self.failing_since is not None:
            return "failing"
        return "proven" if self.proven else "new"

    def old_secrets(self, now: datetime) -> list[OldSecret]:
        """What was replaced and still signs, newest first."""
        kept = list(self.older_secrets)
        if self.sealed_old_secret and self.old_secret_until:
            kept.insert(0, OldSecret(self.sealed_old_secret, self.old_secret_until))
        return [one for one in kept if now < one.until]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as the log shows it. `error` is a stable word; the head is the beginning of the answer."""

    at: datetime
    status: int | None
    latency_ms: int
    error: str | None
    response_head: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One fact on its way to one webhook."""

    id: str
    webhook_id: WebhookId
    event_id: EventId
    event_type: str
    fact: str | None
    """The fact as it came; nothing for a test, whose body was made at once."""
    body: str | None
    """What is sent: made at the first attempt, the same for all."""
    state: DeliveryState
    attempts: int
    """Since it was queued, or queued again by hand."""
    not_before: datetime
    created_at: datetime
    ended_at: datetime | None
    last_status: int | None
    last_error: str | None
    latency_ms: int | None
    log: Sequence[Mapping[str, Any]]
    traceparent: str | None
    correlation_id: str | None
    number: int | None = None
    """Its place in what the subscription was told; given at the first attempt, and kept. A test has none."""
    line: str | None = None
    """For a queue: the subject. What is told of it goes out one after the other."""
    again: int = 0
    """How often it was queued again by hand."""


def accept_event_types(asked: Iterable[str], offered: Iterable[str]) -> tuple[str, ...]:
    """The types and patterns of a webhook, each once. Raises ValidationFailed for one that no offered type fits."""
    known = tuple(offered)
    wanted = tuple(dict.fromkeys(asked))
    errors = [
        FieldError(f"/event_types/{position}", "unknown_type", "No type that webhooks can be told of is called so.")
        for position, one in enumerate(wanted)
        if not any(one in patterns_of(wire_type) for wire_type in known)
    ]
    if errors:
        raise ValidationFailed("", errors=tuple(errors))
    return wanted


def patterns_of(wire_type: str) -> tuple[str, ...]:
    """What may stand in a webhook to be told of this type: itself, `files.item.*`, `files.*`, `*`."""
    parts = wire_type.split(".")
    return (wire_type, *(".".join(parts[:length]) + ".*" for length in range(len(parts) - 1, 0, -1)), "*")


def types_for(asked: Iterable[str], offered: Iterable[str]) -> list[str]:
    """The offered types that a webhook is told of, in their order."""
    wanted = set(asked)
    return [wire_type for wire_type in offered if wanted.intersection(patterns_of(wire_type))]


def places_for(places: int) -> dict[Standing, int]:
    """How many requests that were answered or have just begun a process has at most, by the standing of their webhooks.

    Each has places that no other can take: so what waits for receivers that fail delays none that answers, nor the first
    delivery of a new one; and new ones that hang delay none that has proved itself.
    """
    quarter = max(1, places // 4)
    return {"proven": max(1, places - 2 * quarter), "new": quarter, "failing": quarter}


def most_under_way(places: int) -> int:
    """How many requests a process has under way at most, those that are only waited for included."""
    return sum(places_for(places).values()) * (1 + SLOW_FOR_EACH_PLACE)


def wait_after(attempts: int, jitter: float, asked: timedelta | None = None) -> timedelta | None:
    """How long to wait after so many attempts, longer by up to a fifth (`jitter` in 0..1), and no shorter than the receiver
    asked for; nothing when it is to be given up.
    """
    if attempts >= len(SCHEDULE):
        return None
    wait = SCHEDULE[attempts] * (1 + JITTER * jitter)
    return max(wait, min(asked, LONGEST_WAIT)) if asked is not None else wait
