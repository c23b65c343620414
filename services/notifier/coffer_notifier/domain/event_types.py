"""What is known of every type of event: its contract, what it looks like, and who hears it. Pure: text in, values out.

Who hears what is written down at build, because no service knows another; the rest is read from the contracts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from coffer_contracts.catalog import EVENTS, newest_type, older_types
from coffer_contracts.event import Event
from coffer_contracts.events_page import emitter_of, subject_form
from coffer_contracts.schemas import schema_of


@dataclass(frozen=True, slots=True)
class Hearer:
    """A service that hears a type, and the queue it hears it on."""

    service: str
    queue: str


@dataclass(frozen=True, slots=True)
class KnownType:
    """One major of a fact. `newest` is another type where this one is only still published for old readers."""

    type: str
    meaning: str
    producer: str
    subject: str
    major: int
    newest: str
    older: tuple[str, ...]
    hearers: tuple[Hearer, ...]
    public: bool
    schema: Mapping[str, Any]
    example: Mapping[str, Any]

    @property
    def newer(self) -> str | None:
        """The type that succeeds it, if there is one."""
        return self.newest if self.newest != self.type else None


Heard = Mapping[str, tuple[Hearer, ...]]


def written_down(heard: Heard, examples: Mapping[str, str]) -> str:
    """The text that `known_types` reads: who hears what, and a message of each type as JSON text."""
    known = {
        event.type: {
            "hearers": [{"service": hearer.service, "queue": hearer.queue} for hearer in heard.get(event.type, ())],
            "example": json.loads(examples[event.type]),
        }
        for event in EVENTS
    }
    return json.dumps(known, indent=1, ensure_ascii=True) + "\n"


def known_types(text: str) -> Mapping[str, KnownType]:
    """Every type of the catalog in its order. Raises KeyError for a type that was not written down."""
    written: dict[str, dict[str, Any]] = json.loads(text)
    return {event.type: _known(event, written[event.type]) for event in EVENTS}


def _known(event: type[Event], written: Mapping[str, Any]) -> KnownType:
    return KnownType(
        type=event.type,
        meaning=" ".join(cleandoc(event.__doc__ or "").split()),
        producer=emitter_of(event.type),
        subject=subject_form(event),
        major=int(event.type.rpartition(".v")[2]),
        newest=newest_type(event.type),
        older=older_types(event.type),
        hearers=tuple(Hearer(**hearer) for hearer in written["hearers"]),
        public=event.public,
        schema=schema_of(event),
        example=written["example"],
    )
