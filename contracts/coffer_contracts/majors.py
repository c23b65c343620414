"""Majors side by side: what an older major of a fact says in the words of the newer one, and the other way round.

A new major stands beside the old one. Its owner publishes both until no queue wants the old one: the newest as it is and
every older twin that `lower` makes of it. Readers know the newest only; `lift` gives them old messages in its shape.
Everything here is a pure function of the message: old bodies lie in dead letters and outboxes for weeks, and no store is
asked what they meant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_contracts.event import Event, rfc3339
from coffer_contracts.sharing import FieldChange, ShareChangedV1, ShareChangedV2
from coffer_contracts.words import READING

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Lifts a whole envelope, as it stood on the wire, to the next major. May raise what a lookup in a malformed one raises."""


@dataclass(frozen=True)
class Succession:
    """One step from a major to the next. `lower` is null from the release on that no longer publishes `old`."""

    old: type[Event]
    new: type[Event]
    lift: Callable[[Any], Event]
    lower: Callable[[Any], Event] | None

    def lift_envelope(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The whole message in the new major; the given one stays as it is. Raises ValidationError for no old message."""
        fact = self.old.model_validate(raw["data"], extra="ignore", context=READING)
        return raw | {"type": self.new.type, "data": self.lift(fact).model_dump(mode="json", exclude_none=True)}


def lift_share_changed(fact: ShareChangedV1) -> ShareChangedV2:
    """V1 named the fields that changed and kept what two of them were in fields of their own."""
    known = {
        "role": FieldChange(field="role", before=fact.previous_role, after=fact.role),
        "expires_at": FieldChange(field="expires_at", before=_moment(fact.previous_expires_at), after=_moment(fact.expires_at)),
    }
    standing = fact.model_dump(exclude={"changes", "previous_role", "previous_expires_at"})
    changes = [known.get(name) or FieldChange(field=name) for name in fact.changes]
    return ShareChangedV2.model_validate(standing | {"changes": changes})


def _moment(value: datetime | None) -> str | None:
    return rfc3339(value) if value else None


def lower_share_changed(fact: ShareChangedV2) -> ShareChangedV1:
    """What did not change was the same before; V1 has no word for fields besides role and expiry but their names."""
    before = {change.field: change.before for change in fact.changes}
    standing = fact.model_dump(exclude={"changes"})
    return ShareChangedV1.model_validate(
        standing
        | {
            "changes": tuple(change.field for change in fact.changes),
            "previous_role": before.get("role") or fact.role,
            "previous_expires_at": before.get("expires_at", fact.expires_at),
        }
    )


SUCCESSIONS: tuple[Succession, ...] = (
    Succession(ShareChangedV1, ShareChangedV2, lift=lift_share_changed, lower=lower_share_changed),
)

UPCASTERS: Mapping[str, Upcaster] = {step.old.type: step.lift_envelope for step in SUCCESSIONS}
"""Old wire type -> what lifts its messages to the next major; chained until the newest."""


def older_twins(event: Event, successions: tuple[Succession, ...] = SUCCESSIONS) -> tuple[Event, ...]:
    """The same fact in every older major that is still published, newest first; nothing for most facts. Pure."""
    step = next((step for step in successions if step.new is type(event)), None)
    if step is None or step.lower is None:
        return ()
    twin = step.lower(event)
    return (twin, *older_twins(twin, successions))


def older_types(wire_type: str, successions: tuple[Succession, ...] = SUCCESSIONS) -> tuple[str, ...]:
    """The older majors whose messages lift to this type, newest first: a reader of it wants them as well."""
    found: list[str] = []
    newer: str | None = wire_type
    while newer is not None:
        newer = next((step.old.type for step in successions if step.new.type == newer), None)
        if newer is not None:
            found.append(newer)
    return tuple(found)


def newest_type(wire_type: str, successions: tuple[Succession, ...] = SUCCESSIONS) -> str:
    """The major that messages of this type are read as; the type itself if nothing succeeded it."""
    following = {step.old.type: step.new.type for step in successions}
    while wire_type in following:
        wire_type = following[wire_type]
    return wire_type
