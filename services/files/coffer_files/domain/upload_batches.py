"""Many small files that are announced at once: what each may be by itself, and which folders they need.

Pure. Files of a batch may lie in folders below one that is there, as when a whole folder is dropped onto a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from coffer_contracts.files import ConflictPolicy
from coffer_contracts.problems import Problem, TooLarge, ValidationFailed
from coffer_files.domain.content import BLOCK_BYTES, content_hash
from coffer_files.domain.items import accept_depth
from coffer_files.domain.names import accept_name, name_key

MOST_FILES = 100
"""Of one batch."""

Steps = tuple[str, ...]
"""The names of folders from the one that the batch goes into down; as keys, when folders are told apart."""


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file that somebody wants to send together with others. `folder` is where below the batch's folder it goes."""

    ref: str | None
    name: str
    size_bytes: int
    folder: Steps = ()
    mime_type: str | None = None
    conflict: ConflictPolicy = "fail"
    blocks_sha256: tuple[str, ...] | None = None
    modified_at: datetime | None = None

    @property
    def place(self) -> Steps:
        """The keys of its folder's names: equal for spellings that are one folder."""
        return tuple(map(name_key, self.folder))

    @property
    def hashes(self) -> tuple[str | None, str | None]:
        """Content hash, and the checksum that the signed address binds."""
        if self.blocks_sha256 is None:
            return None, None
        return content_hash(self.blocks_sha256, self.size_bytes), self.blocks_sha256[0]


def accepted(file: BatchFile, *, above: int, longest: int) -> BatchFile:
    """The file with its names as they are stored. `above` is how many folders lie above the batch's files, itself included.

    Raises NameInvalid, TooLarge for one that is longer than `longest` or than a block, ValidationFailed.
    """
    limit = min(longest, BLOCK_BYTES)
    if file.size_bytes > limit:
        raise TooLarge(f"Files of a batch have at most {limit} bytes; send longer ones by themselves.", limit=limit)
    if file.blocks_sha256 is not None and len(file.blocks_sha256) != 1:
        raise ValidationFailed("A file of a batch has one block.")
    accept_depth(above + len(file.folder))
    return BatchFile(
        file.ref,
        accept_name(file.name),
        file.size_bytes,
        tuple(map(accept_name, file.folder)),
        file.mime_type,
        file.conflict,
        file.blocks_sha256,
        file.modified_at,
    )


def steps_of(path: str | None) -> Steps:
    """The names of a path below a folder: `a/b`; slashes at its ends say nothing. What is no name is refused later."""
    trimmed = (path or "").strip("/")
    return tuple(trimmed.split("/")) if trimmed else ()


def levels(files: Iterable[BatchFile]) -> list[dict[Steps, str]]:
    """The folders that the files need, from the top down: their keys, and the name of each as it is first spelled."""
    found: list[dict[Steps, str]] = []
    for file in files:
        for depth in range(len(file.folder)):
            while len(found) <= depth:
                found.append({})
            found[depth].setdefault(file.place[: depth + 1], file.folder[depth])
    return found


def fitting(files: Sequence[BatchFile | Problem], room: int) -> list[bool]:
    """Which of the files fit into the room, taken in their order; one that does not leaves its room to those behind it, and an
    empty one always does.
    """
    fits = []
    for file in files:
        fit = isinstance(file, BatchFile) and (file.size_bytes == 0 or file.size_bytes <= room)
        if fit and isinstance(file, BatchFile):
            room -= file.size_bytes
        fits.append(fit)
    return fits
