"""What a batch of operations is asked for with."""

from typing import Annotated, Literal

from pydantic import Field

from coffer_chassis.answers import Body
from coffer_chassis.etags import Conditions, parse_tags
from coffer_chassis.requests import IdText
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import ItemId
from coffer_files.domain.tags import MOST_TAGS
from coffer_files.handlers.batches import Operation
from coffer_files.handlers.items import Wish
from coffer_files.routes.requests import ItemRef

MOST_OPERATIONS = 100
NAME_LIMIT = 1024


class _Asked(Body):
    ref: str | None = Field(None, max_length=100, description="Comes back with the result.")
    item_id: IdText
    if_match: str | None = Field(None, max_length=1024, description="As the header, for this item.", examples=['"3"'])

    @property
    def conditions(self) -> Conditions:
        """Raises MalformedRequest."""
        return Conditions(parse_tags(self.if_match)) if self.if_match is not None else Conditions()


class MoveArgs(Body):
    """Where to."""

    parent_id: ItemRef = Field(description="The folder it goes to; moves stay in their drive.")
    name: str | None = Field(None, max_length=NAME_LIMIT, description="A new name, too.")
    conflict: ConflictPolicy = Field("fail", description="What to do when the name is taken.")


class Move(_Asked):
    """Move an item."""

    op: Literal["move"]
    args: MoveArgs

    def operation(self) -> Operation:
        """As it is run."""
        wish = Wish(self.args.name, self.args.parent_id, conflict=self.args.conflict)
        return Operation("move", ItemId(self.item_id), self.ref, self.conditions, wish)


class Copy(_Asked):
    """Copy an item: a file within its drive at once, anything else by a job."""

    op: Literal["copy"]
    args: MoveArgs

    def operation(self) -> Operation:
        """As it is run."""
        wish = Wish(self.args.name, self.args.parent_id, conflict=self.args.conflict)
        return Operation("copy", ItemId(self.item_id), self.ref, self.conditions, wish)


class RenameArgs(Body):
    """What it is to be called."""

    name: str = Field(max_length=NAME_LIMIT, description="The new name.")
    conflict: ConflictPolicy = Field("fail", description="What to do when the name is taken.")


class Rename(_Asked):
    """Rename an item."""

    op: Literal["rename"]
    args: RenameArgs

    def operation(self) -> Operation:
        """As it is run."""
        wish = Wish(self.args.name, conflict=self.args.conflict)
        return Operation("rename", ItemId(self.item_id), self.ref, self.conditions, wish)


class NoArgs(Body):
    """Nothing to say."""


class Trash(_Asked):
    """Put an item into the trash."""

    op: Literal["trash"]
    args: NoArgs = NoArgs()

    def operation(self) -> Operation:
        """As it is run."""
        return Operation("trash", ItemId(self.item_id), self.ref, self.conditions)


class RestoreArgs(Body):
    """Where to."""

    parent_id: ItemRef | None = Field(None, description="Another folder; default: where it was, or the root.")
    conflict: Literal["fail", "rename"] = Field("rename", description="What to do when the name is taken.")


class Restore(_Asked):
    """Take an item out of the trash."""

    op: Literal["restore"]
    args: RestoreArgs = RestoreArgs()

    def operation(self) -> Operation:
        """As it is run."""
        args = self.args
        return Operation(
            "restore", ItemId(self.item_id), self.ref, self.conditions, parent=args.parent_id, conflict=args.conflict
        )


class Purge(_Asked):
    """Remove an item in the trash for good."""

    op: Literal["purge"]
    args: NoArgs = NoArgs()

    def operation(self) -> Operation:
        """As it is run."""
        return Operation("purge", ItemId(self.item_id), self.ref, self.conditions)


class TagArgs(Body):
    """All tags that it is to have."""

    tags: list[str] = Field(max_length=10 * MOST_TAGS)


class Tag(_Asked):
    """Tag an item."""

    op: Literal["tag"]
    args: TagArgs

    def operation(self) -> Operation:
        """As it is run."""
        return Operation("tag", ItemId(self.item_id), self.ref, self.conditions, Wish(tags=tuple(self.args.tags)))


class FavouriteArgs(Body):
    """Whether it is to be one."""

    favourite: bool = True


class Favourite(_Asked):
    """Make an item a favourite of the caller's, or no longer."""

    op: Literal["favourite"]
    args: FavouriteArgs = FavouriteArgs()

    def operation(self) -> Operation:
        """As it is run."""
        return Operation("favourite", ItemId(self.item_id), self.ref, self.conditions, favourite=self.args.favourite)


AnyOperation = Annotated[
    Move | Copy | Rename | Trash | Restore | Purge | Tag | Favourite,
    Field(discriminator="op", description="What is to be done."),
]


class BatchBody(Body):
    """Operations, run in this order."""

    operations: list[AnyOperation] = Field(min_length=1, max_length=MOST_OPERATIONS)
    atomic: bool = Field(default=False, description="All or nothing.")
