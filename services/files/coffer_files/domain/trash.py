"""In which orders the trash can be listed."""

from typing import Literal, NamedTuple

from coffer_contracts.problems import ValidationFailed

TrashKey = Literal["trashed_at", "name", "size"]
TRASH_COLUMNS: dict[TrashKey, str] = {"trashed_at": "trashed_at", "name": "trash_key", "size": "size_bytes"}


class TrashOrder(NamedTuple):
    """How the trash is sorted; ties are broken by id."""

    key: TrashKey = "trashed_at"
    descending: bool = True

    @classmethod
    def parse(cls, sort: str) -> "TrashOrder":
        """Read `-trashed_at`, `name` and so on. Raises ValidationFailed for a key that the trash cannot be sorted by."""
        for key in TRASH_COLUMNS:
            if key == sort.removeprefix("-"):
                return cls(key, sort.startswith("-"))
        raise ValidationFailed(f"Sort by one of {', '.join(TRASH_COLUMNS)}, with a minus in front for the other way.")

    @property
    def text(self) -> str:
        """As it stands in an address."""
        return f"-{self.key}" if self.descending else self.key
