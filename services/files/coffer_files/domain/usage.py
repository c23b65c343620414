"""What a drive holds, counted: by kind of what files hold now, what older versions hold, and how full that makes it.

Every byte is counted once: as current content of a file, by its kind, or as an older version. What lies in the trash is counted
like everything else; how much of it that is, is told beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_args

from coffer_contracts.files import MediaKind

KINDS: tuple[MediaKind, ...] = get_args(MediaKind)

CROSSED_PERCENT = (80, 95, 100)
"""Shares of the quota of which the owner is told when they are reached."""


class Held(NamedTuple):
    """Bytes, and how many files or versions they belong to."""

    size_bytes: int
    number: int


@dataclass(frozen=True, slots=True)
class Booking:
    """By how much a change alters the counters of a drive: column -> bytes or number. Nothing that is zero."""

    columns: Mapping[str, int]

    def __add__(self, other: "Booking") -> "Booking":
        names = dict.fromkeys((*self.columns, *other.columns))
        together = {name: self.columns.get(name, 0) + other.columns.get(name, 0) for name in names}
        return Booking({name: by for name, by in together.items() if by})

    def __neg__(self) -> "Booking":
        return Booking({name: -by for name, by in self.columns.items()})

    @property
    def used_bytes(self) -> int:
        """By how many bytes more is used."""
        return self.columns.get("used_bytes", 0)


NOTHING = Booking({})

HELD_COLUMNS: Mapping[str, tuple[str, str]] = {
    **{kind: (f"{kind}_bytes", f"{kind}_files") for kind in KINDS},
    "older": ("older_bytes", "older_versions"),
}
"""What is counted -> the columns for bytes and number."""

COUNTERS = ("used_bytes", *(name for pair in HELD_COLUMNS.values() for name in pair))
"""All columns that a booking of contents may name."""


def kind_known(kind: str) -> MediaKind:
    """Under which kind something is counted: whatever is not known yet is `other`."""
    return next((known for known in KINDS if known == kind), "other")


def current(kind: str, size_bytes: int) -> Booking:
    """A file holds this now."""
    return _held(kind_known(kind), size_bytes)


def older(size_bytes: int) -> Booking:
    """A version that is not the current one."""
    return _held("older", size_bytes)


def replaced(kind: str, size_bytes: int) -> Booking:
    """What was the current version of a file is an older one now."""
    return older(size_bytes) + -current(kind, size_bytes)


def total(bookings: Iterable[Booking]) -> Booking:
    """All of them together."""
    columns: dict[str, int] = {}
    for booking in bookings:
        for name, by in booking.columns.items():
            columns[name] = columns.get(name, 0) + by
    return Booking({name: by for name, by in columns.items() if by})


def _held(what: str, size_bytes: int) -> Booking:
    size_column, count_column = HELD_COLUMNS[what]
    booking = {"used_bytes": size_bytes, size_column: size_bytes, count_column: 1}
    return Booking({name: by for name, by in booking.items() if by})


def crossed(used_before: int, quota_before: int, used_bytes: int, quota_bytes: int) -> int | None:
    """The highest share of the quota, in percent, that is reached now; None if that was reached before as well."""
    reached = [share for share in CROSSED_PERCENT if _reaches(used_bytes, share, quota_bytes)]
    return reached[-1] if reached and not _reaches(used_before, reached[-1], quota_before) else None


def _reaches(used_bytes: int, percent: int, quota_bytes: int) -> bool:
    return used_bytes > 0 and used_bytes * 100 >= percent * quota_bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a drive holds and may hold. `trash` is what of it lies in the trash; while `trash_is_settled` is false that is
    still being counted, and it is at least this.
    """

    used_bytes: int
    reserved_bytes: int
    quota_bytes: int
    by_kind: Mapping[MediaKind, Held]
    older: Held
    trash: Held
    trash_is_settled: bool
