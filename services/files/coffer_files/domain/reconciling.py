"""Comparing the bucket with the store: what a run is to look at, what it has found, and how two sorted lists are told apart.

Pure; who reads bucket and store, and what is done about orphans, is the handlers' business.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from coffer_contracts.event import ActorKind
from coffer_contracts.ids import BlobId, UploadId, UserId
from coffer_files.domain.content import blob_of_key
from coffer_files.domain.quarantine import QUARANTINE

PREVIEWS = "previews/"
"""What the media worker makes of stored objects: compared by which of these there are."""

PREFIXES = ("blobs/", "incoming/", "quarantine/", PREVIEWS)
"""What is compared, in the order of a run."""

MOST_HOURS = 366 * 24
"""The longest grace that can be asked for."""

SAMPLES = 100
"""Findings of each kind that a report shows."""

GIVEN_UP_AFTER = 5
"""Attempts that brought a run no further."""

Kind = Literal["orphans", "missing", "mismatched"]
RunState = Literal["waiting", "running", "finished", "failed"]

_ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_INCOMING_KEY = re.compile(f"incoming/{_ID}")
_PREVIEW_KEY = re.compile(f"{PREVIEWS}{_ID}/[a-z0-9/_.-]+")
_QUARANTINE_KEY = re.compile(f"quarantine/{_ID}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants compared. Younger objects than `grace_seconds` are left alone: uploads are under way."""

    prefixes: tuple[str, ...] = PREFIXES
    repair: bool = False
    grace_seconds: int = 24 * 3600


@dataclass(frozen=True, slots=True)
class Counts:
    """What was seen. Objects fall into `sound`, `mismatched` and those that no file refers to: `under_way`, `doomed`,
    `quarantined`, `young` and `orphans`. `foreign` are orphans under keys that Coffer never makes; those are not touched.
    `lost_previews` counts stored objects of which preview pictures are gone, `asked_again` versions of theirs whose preview is
    being made anew.
    """

    objects: int = 0
    object_bytes: int = 0
    rows: int = 0
    sound: int = 0
    under_way: int = 0
    doomed: int = 0
    quarantined: int = 0
    young: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    foreign: int = 0
    repaired: int = 0
    repaired_bytes: int = 0
    missing: int = 0
    missing_bytes: int = 0
    mismatched: int = 0
    mismatched_bytes: int = 0
    lost_previews: int = 0
    asked_again: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


Sample = dict[str, Any]
Samples = dict[Kind, list[Sample]]


def with_samples(known: Samples, kind: Kind, found: Sequence[Sample]) -> Samples:
    """The samples with the first of what was found, as far as there is room."""
    return {**known, kind: [*known.get(kind, []), *found][:SAMPLES]}


@dataclass(frozen=True, slots=True)
class Place:
    """How far a run has come: every object and row of the prefixes before `prefix`, and of that up to the key `after`."""

    prefix: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A comparison as it stands."""

    id: str
    prefixes: tuple[str, ...]
    repair: bool
    grace_seconds: int
    actor_kind: ActorKind
    actor_id: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failed_at: datetime | None
    error: str | None
    attempts: int
    lease: str | None
    leased_until: datetime
    place: Place
    counts: Counts
    samples: Samples

    @property
    def state(self) -> RunState:
        """In a word."""
        if self.failed_at:
            return "failed"
        if self.finished_at:
            return "finished"
        return "running" if self.started_at else "waiting"

    @property
    def wish(self) -> Wish:
        """What it was asked to do."""
        return Wish(self.prefixes, self.repair, self.grace_seconds)


@dataclass(frozen=True, slots=True)
class Found:
    """An object as the bucket shows it."""

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store knows it."""

    key: str
    size_bytes: int
    etag: str
    blob_id: BlobId
    owner_id: UserId


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two lists have in common and what they have not."""

    sound: tuple[Found, ...]
    mismatched: tuple[tuple[Found, Stored], ...]
    only_found: tuple[Found, ...]
    only_stored: tuple[Stored, ...]


def compared(found: Sequence[Found], stored: Sequence[Stored]) -> Comparison:
    """Two lists of the same range of keys, held against each other."""
    known = {row.key: row for row in stored}
    seen = {one.key for one in found}
    both = [(one, known[one.key]) for one in found if one.key in known]
    return Comparison(
        sound=tuple(one for one, row in both if (one.size_bytes, one.etag) == (row.size_bytes, row.etag)),
        mismatched=tuple((one, row) for one, row in both if (one.size_bytes, one.etag) != (row.size_bytes, row.etag)),
        only_found=tuple(one for one in found if one.key not in known),
        only_stored=tuple(row for row in stored if row.key not in seen),
    )


def is_young(one: Found, now: datetime, grace: timedelta) -> bool:
    """Whether an object may still belong to something that is under way."""
    return one.modified_at > now - grace


def is_kept_in_quarantine(one: Found, now: datetime, grace: timedelta) -> bool:
    """Whether refused bytes have not lain there for their time yet."""
    return one.key.startswith("quarantine/") and one.modified_at > now - QUARANTINE - grace


def owner_of(key: str) -> UserId | None:
    """Whose drive a key belongs to, where it says so."""
    named = blob_of_key(key)
    return named[0] if named else None


def upload_of_incoming(key: str) -> UploadId | None:
    """The upload that a key of a form belongs to."""
    match = _INCOMING_KEY.fullmatch(key)
    return UploadId(match[1]) if match else None


def blob_of_quarantine(key: str) -> BlobId | None:
    """The blob whose bytes were refused and moved to a key."""
    match = _QUARANTINE_KEY.fullmatch(key)
    return BlobId(match[1]) if match else None


def blob_of_preview(key: str) -> BlobId | None:
    """The stored object of which something was made that lies under a key."""
    match = _PREVIEW_KEY.fullmatch(key)
    return BlobId(match[1]) if match else None


def is_ours(key: str) -> bool:
    """Whether Coffer makes such keys below the prefixes; what lies under others is somebody else's, and is not touched."""
    return bool(blob_of_key(key) or upload_of_incoming(key) or blob_of_quarantine(key))


def report_lines(run: Run) -> list[str]:
    """A run for people at a terminal."""
    counts = run.counts
    grace = f"{run.grace_seconds / 3600:g} h"
    advice = "" if run.repair or counts.orphans == counts.foreign else "; --repair deletes them"
    lines = [
        f"Compared {counts.objects} objects ({counts.object_bytes} bytes) in {', '.join(run.prefixes)}, {counts.rows} rows.",
        f"Sound: {counts.sound}. On their way in: {counts.under_way}, out: {counts.doomed}.",
        f"In quarantine: {counts.quarantined}. Younger than {grace}: {counts.young}.",
        f"Orphans: {counts.orphans} ({counts.orphan_bytes} bytes), of which {counts.repaired} are deleted now{advice}.",
        f"Missing: {counts.missing} ({counts.missing_bytes} bytes). Mismatched: {counts.mismatched}.",
    ]
    if counts.lost_previews:
        asked = f"{counts.asked_again} previews are being made anew" if counts.asked_again else "--repair has them made anew"
        lines.append(f"Pictures are gone of {counts.lost_previews} objects; {asked}.")
    if counts.foreign:
        lines.append(f"{counts.foreign} of the orphans have keys that Coffer never makes and stay where they are.")
    for kind in ("orphans", "missing", "mismatched"):
        for sample in run.samples.get(kind, []):
            of = f" item {' '.join(sample['item_ids']) or 'none'} owner {sample['owner_id']}" if "owner_id" in sample else ""
            lines.append(f"{kind}: {sample['key']} {sample['size_bytes']} bytes{of}")
    return lines
