"""What a recount of a drive found: counters held against the rows that they count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from coffer_contracts.ids import BlobId, ItemId, UserId
from coffer_files.domain.usage import Held


class Counted(NamedTuple):
    """What a counter says, and what it should say."""

    said: int
    true: int

    @property
    def by(self) -> int:
        """What is to be added to it."""
        return self.true - self.said


@dataclass(frozen=True, slots=True)
class Recount:
    """The differences in one drive, all of one moment each; empty where counters are right."""

    owner_id: UserId
    counters: Mapping[str, Counted]
    """Columns of the drive."""
    tallies: Mapping[ItemId, tuple[Held, Held]]
    """Things in the trash: what was counted of them, and what they hold."""
    objects: Mapping[BlobId, Counted]
    """Stored objects, and how many versions refer to them."""
    unmarked: int = 0
    """Versions that are current and marked as replaced, or the other way round."""
    repaired: bool = False

    @property
    def is_right(self) -> bool:
        """Whether everything counts what is there."""
        return not (self.counters or self.tallies or self.objects or self.unmarked)

    @property
    def lines(self) -> list[str]:
        """The differences for people to read, one a line."""
        found = [f"{name} says {one.said}, is {one.true}" for name, one in self.counters.items()]
        found += [
            f"trash {item_id} says {said.size_bytes} bytes in {said.number} files, is {true.size_bytes} in {true.number}"
            for item_id, (said, true) in self.tallies.items()
        ]
        found += [f"object {blob_id} says {one.said} versions, is {one.true}" for blob_id, one in self.objects.items()]
        found += [f"{self.unmarked} versions are marked wrongly"] if self.unmarked else []
        return [f"drive {self.owner_id}: {line}" for line in found]
