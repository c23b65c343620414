"""The states of an upload: what leads from one to the next, what each means for quota and bytes, and how long it may last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from coffer_contracts.files import UploadState

BytesFate = Literal["kept", "buried", "quarantined"]

Strategy = Literal["single", "multipart", "post_form", "reuse"]
"""How the bytes come: in one PUT, in signed parts, by a signed form, or not at all because they are here."""

ConflictReason = Literal[
    "name_taken",
    "kind_conflict",
    "base_version_changed",
    "parent_gone",
    "rights_lost",
    "locked",
    "quota_exceeded",
    "too_deep",
    "commit_failed",
]

VERDICT_PATIENCE = timedelta(minutes=10)
"""How long the media worker has for an answer."""

ACTIVITY = timedelta(hours=24)
"""How long an upload waits for bytes after the last sign of its sender."""

SESSION_LIFE = timedelta(days=7)
"""How long it can be kept open by activity. The bucket aborts what is older still by its own rule."""

RETRY_PAUSES = (0, 0, 0, 60, 300, 900, 3600)
"""Seconds that must lie between one retry and the next, by how many there were; the last one for all that follow."""

MAX_STEPS = 60
"""Entries of a timeline; an upload that is retried for ever keeps its first and its newest ones."""


@dataclass(frozen=True, slots=True)
class StateRule:
    """What is true of every upload in a state."""

    leaves_to: frozenset[UploadState] = frozenset()
    deadline: timedelta | None = None
    reserves_quota: bool = False
    bytes_are: BytesFate = "kept"
    releases_to: frozenset[UploadState] = frozenset()
    """Ways that are open only to what an operator releases from quarantine: out of it, and back when its bytes are lost."""

    @property
    def is_end(self) -> bool:
        """Whether nothing leads out of it."""
        return not self.leaves_to


STATES: Mapping[UploadState, StateRule] = {
    "created": StateRule(frozenset({"received", "aborted", "expired"}), ACTIVITY, reserves_quota=True),
    "received": StateRule(frozenset({"cleared", "rejected", "failed"}), VERDICT_PATIENCE, reserves_quota=True),
    "cleared": StateRule(
        frozenset({"committed", "conflict", "failed"}),
        timedelta(minutes=1),
        reserves_quota=True,
        releases_to=frozenset({"rejected"}),
    ),
    "committed": StateRule(),
    "conflict": StateRule(frozenset({"committed", "aborted", "expired"}), timedelta(days=7), reserves_quota=True),
    "rejected": StateRule(bytes_are="quarantined", releases_to=frozenset({"cleared"})),
    "failed": StateRule(frozenset({"received", "aborted"}), timedelta(days=7), reserves_quota=True),
    "expired": StateRule(bytes_are="buried"),
    "aborted": StateRule(bytes_are="buried"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of an upload's timeline."""

    step: str
    at: datetime
    detail: str | None = None


def with_step(steps: tuple[Step, ...], step: str, at: datetime, detail: str | None = None) -> tuple[Step, ...]:
    """A timeline with one more entry."""
    steps = (*steps, Step(step, at, detail))
    return steps if len(steps) <= MAX_STEPS else (*steps[:10], *steps[11:])
