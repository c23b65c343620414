"""Files and folders as they stand, where they stand, and in which orders a folder can be listed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from coffer_contracts.files import ItemKind, MediaKind, PreviewStatus
from coffer_contracts.ids import ItemId, UserId, VersionId
from coffer_contracts.problems import ValidationFailed
from coffer_files.domain.locks import Lock
from coffer_files.domain.names import MAX_DEPTH

SortKey = Literal["name", "modified_at", "created_at", "size"]
SORT_COLUMNS: Mapping[SortKey, str] = {
    "name": "name_key",
    "modified_at": "modified_at",
    "created_at": "created_at",
    "size": "size_bytes",
}

ChangeReason = Literal[
    "created", "content", "renamed", "moved", "trashed", "restored", "purged", "shared", "unshared", "metadata"
]


class Item(NamedTuple):
    """A row of the tree; the fields of a file's current version are empty for folders. Made by the hundred for listings,
    hence a tuple. The field order is the column order of the store's queries.
    """

    id: ItemId
    owner_id: UserId
    parent_id: ItemId | None
    kind: ItemKind
    name: str
    revision: int
    version_id: VersionId | None
    size_bytes: int
    mime_type: str | None
    media_kind: MediaKind | None
    flags: list[str]
    content_hash: str | None
    preview_status: PreviewStatus
    preview_reason: str | None
    created_by: UserId
    created_at: datetime
    modified_at: datetime
    changed_at: datetime
    trashed_at: datetime | None
    tags: Sequence[str] = ()


class Mark(NamedTuple):
    """What one person alone has of an item: since when it is a favourite of theirs, and when they last had to do with it."""

    favourite_at: datetime | None = None
    touched_at: datetime | None = None


UNMARKED = Mark()


class Listed(NamedTuple):
    """A child as a listing shows it, made by the thousand a second: its times come from the store as RFC 3339 text with
    milliseconds, because making moments of them and text again costs more than all else. `shared`: it was itself shared with
    somebody. `place` is the exact sort value.
    """

    id: ItemId
    kind: ItemKind
    name: str
    revision: int
    version_id: VersionId | None
    size_bytes: int
    mime_type: str | None
    media_kind: MediaKind | None
    flags: list[str] | None
    content_hash: str | None
    preview_status: PreviewStatus
    created_by: UserId
    created_at: str
    modified_at: str
    changed_at: str
    tags: list[str] | None
    favourite: bool
    touched_at: str | None
    shared: bool
    place: str


def new_folder(
    item_id: ItemId, owner_id: UserId, parent_id: ItemId | None, name: str, *, created_by: UserId, now: datetime
) -> Item:
    """An empty folder that was made just now; `parent_id` None is the root of a drive."""
    return Item(
        id=item_id,
        owner_id=owner_id,
        parent_id=parent_id,
        kind="folder",
        name=name,
        revision=1,
        version_id=None,
        size_bytes=0,
        mime_type=None,
        media_kind=None,
        flags=[],
        content_hash=None,
        preview_status="none",
        preview_reason=None,
        created_by=created_by,
        created_at=now,
        modified_at=now,
        changed_at=now,
        trashed_at=None,
    )


class Owner(NamedTuple):
    """Whose drive it is, as far as auth has told."""

    id: UserId
    username: str | None
    display_name: str | None


class Given(NamedTuple):
    """A right that whoever asked was given on an item or on a folder above it."""

    item_id: ItemId
    words: tuple[str, ...]
    expires_at: datetime | None


class Located(NamedTuple):
    """An item with the folders above it, the drive's root first. `ancestor_names` begins with the root's empty name."""

    item: Item
    owner: Owner
    ancestor_ids: tuple[ItemId, ...]
    ancestor_names: tuple[str, ...]
    below_trash: bool
    given: tuple[Given, ...] = ()
    """What whoever asked was given on it and above it."""
    is_shared: bool = False
    """Whether it was itself shared with anybody."""
    mark: Mark = UNMARKED
    """What whoever asked has of it alone."""
    locks: tuple[Lock, ...] = ()
    """On it and on the folders above it, whether they hold for it or not."""

    @property
    def is_live(self) -> bool:
        """Neither in the trash nor below something that is."""
        return self.item.trashed_at is None and not self.below_trash

    @property
    def is_root(self) -> bool:
        """Whether it is the root folder of a drive."""
        return self.item.parent_id is None

    @property
    def ids_down_to_it(self) -> tuple[ItemId, ...]:
        """What its children have as ancestors."""
        return (*self.ancestor_ids, self.item.id)


def accept_depth(ancestors: int) -> None:
    """Raises ValidationFailed if an item with so many folders above it, the root included, lies too deep."""
    if ancestors > MAX_DEPTH:
        raise ValidationFailed(f"Folders can be nested {MAX_DEPTH} levels deep.")


class Order(NamedTuple):
    """How a listing is sorted; ties are broken by id, so every order is total."""

    key: SortKey
    descending: bool = False
    folders_first: bool = True

    @classmethod
    def parse(cls, sort: str, *, folders_first: bool = True) -> "Order":
        """Read `name`, `-modified_at` and so on. Raises ValidationFailed for a key that listings cannot be sorted by."""
        descending = sort.startswith("-")
        for key in SORT_COLUMNS:
            if key == sort.removeprefix("-"):
                return cls(key, descending, folders_first)
        raise ValidationFailed(f"Sort by one of {', '.join(SORT_COLUMNS)}, with a minus in front for the other way.")

    @property
    def text(self) -> str:
        """As it stands in an address."""
        return f"-{self.key}" if self.descending else self.key


class Filters(NamedTuple):
    """Which children a listing shows; None shows all. `kinds` of contents mean any of them, `tags` (keys) all of them; whoever
    asks for kinds of contents or for sizes asks for files. Times and sizes: from the lower one on, below the upper one in
    time, up to the upper one in size.
    """

    kind: ItemKind | None = None
    media_kinds: tuple[MediaKind, ...] | None = None
    tags: tuple[str, ...] | None = None
    favourite: bool | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    size_min: int | None = None
    size_max: int | None = None

    @property
    def asked(self) -> frozenset[str]:
        """The names of those that are given."""
        return frozenset(name for name, value in self._asdict().items() if value is not None)

    @property
    def shown_kinds(self) -> frozenset[ItemKind]:
        """Whether folders or files can be among what is shown."""
        of_files = self.asked & {"media_kinds", "size_min", "size_max"}
        possible: frozenset[ItemKind] = frozenset({"file"}) if of_files else frozenset({"file", "folder"})
        return possible & {self.kind} if self.kind else possible


EVERYTHING = Filters()


class Beginning(NamedTuple):
    """Where a page begins: after the item with this kind, sort value as text, and id."""

    kind: ItemKind
    value: str
    id: ItemId
