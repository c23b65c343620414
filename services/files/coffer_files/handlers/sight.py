"""Who may see and do what: every way to an item leads through here. What one may not see is told like what is not there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from coffer_chassis.access import Grant, Place, Rights, rights_named, rights_on
from coffer_chassis.answers import timestamp
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Forbidden, Locked, NotFound
from coffer_files.domain.items import UNMARKED, Given, Item, Located
from coffer_files.domain.locks import Lock, covering, in_the_way


@dataclass(frozen=True, slots=True)
class Seen:
    """An item with what the caller may do with it. `hidden` is how many of the folders above it the caller may not see."""

    at: Located
    rights: Rights
    hidden: int = 0
    locks: tuple[Lock, ...] = ()
    """Those that hold for the item now."""
    kept_out_by: Lock | None = None
    """The one of them that keeps the caller from writing."""

    def require(self, rights: Rights) -> "Seen":
        """Itself; raises Forbidden if the caller may see the item but not do this, and Locked if a lock keeps them from it."""
        self.permit(rights)
        if self.kept_out_by is not None and rights & ~Rights.READ:
            raise locked(self.kept_out_by)
        return self

    def permit(self, rights: Rights) -> "Seen":
        """As `require`, whoever holds a lock."""
        if rights not in self.rights:
            raise Forbidden("You can see this but may not change it.")
        return self

    @property
    def parent_id(self) -> ItemId | None:
        """The folder above, if the caller may see it."""
        return None if 0 < len(self.at.ancestor_ids) <= self.hidden else self.at.item.parent_id

    @property
    def path(self) -> str:
        """The names from the uppermost folder that the caller may see down, with slashes; `/` for a drive's root."""
        names = (*self.at.ancestor_names, self.at.item.name)[self.hidden :]
        return "/".join(names if self.hidden == 0 else ("", *names)) or "/"

    def below(self, item: Item) -> "Seen":
        """A new item that lies in this folder."""
        names = (*self.at.ancestor_names, self.at.item.name)
        at = self.at._replace(
            item=item, ancestor_ids=self.at.ids_down_to_it, ancestor_names=names, is_shared=False, mark=UNMARKED
        )
        return Seen(at, self.rights, self.hidden)

    def takes_in(self, moved: "Seen") -> "Seen":
        """An item that comes to lie in this folder, with what it was itself shared as."""
        at = self.below(moved.at.item).at
        own = tuple(one for one in moved.at.given if one.item_id == moved.at.item.id)
        kept = tuple(lock for lock in moved.at.locks if lock.item_id == moved.at.item.id)
        at = at._replace(locks=(*at.locks, *kept), given=(*at.given, *own), is_shared=moved.at.is_shared, mark=moved.at.mark)
        return Seen(at, self.rights | moved.rights, self.hidden)


def locked(lock: Lock) -> Locked:
    """The refusal that names who keeps others out, and until when."""
    holder_id = lock.holder.partition("/")[2]
    told = {"id": lock.id, "holder_id": holder_id, "scope": lock.scope, "expires_at": timestamp(lock.expires_at)}
    return Locked("Somebody keeps others from changing this for the time being.", lock=told)


def rights_at(found: Located, grantee: str, now: datetime) -> Rights:
    """What `grantee` may do with a found item; it must have been found for them."""
    return rights_on(place_of(found), grantee, grants_in(found.given, grantee), now)


def collects(found: Located, grantee: str, now: datetime) -> bool:
    """Whether an item is a living folder that `grantee`, a link, may put files into without seeing it. What such a link was
    given holds for the one folder and not for those below it: nobody who sees nothing has any business to name them.
    """
    if not found.is_live or found.item.kind != "folder" or Rights.WRITE in rights_at(found, grantee, now):
        return False
    itself = tuple(one for one in found.given if one.item_id == found.item.id)
    return Rights.UPLOAD in rights_at(found._replace(given=itself), grantee, now)


def place_of(found: Located) -> Place:
    """Where an item stands, as the resolver takes it."""
    in_trash = found.item.trashed_at is not None
    return Place(found.item.id, found.item.owner_id, found.ancestor_ids, in_trash=in_trash, below_trash=found.below_trash)


def grants_in(given: Iterable[Given], grantee: str) -> list[Grant]:
    """What was given to `grantee`, as the resolver takes it."""
    return [Grant(grantee, one.item_id, rights_named(one.words), one.expires_at) for one in given]


def seen_by(found: Located, grantee: str, now: datetime) -> Seen | None:
    """The item as `grantee` may see it, in the trash or not; None if they may not."""
    rights = rights_at(found, grantee, now)
    if Rights.READ not in rights:
        return None
    if not found.locks:
        return Seen(found, rights, _hidden(found, grantee, now))
    held = covering(found.locks, found.item.id, found.ancestor_ids, now)
    return Seen(found, rights, _hidden(found, grantee, now), held, in_the_way(held, grantee))


def seen(found: Located | None, grantee: str, now: datetime, *, in_trash: bool = False) -> Seen:
    """The item as the caller may see it; raises NotFound if it is not there, not for them, or in the trash when that is
    not asked for.
    """
    known = seen_by(found, grantee, now) if found is not None and (in_trash or found.is_live) else None
    if known is None:
        raise NotFound
    return known


def _hidden(found: Located, grantee: str, now: datetime) -> int:
    """Rights only grow on the way down, so the first folder that may be seen ends the search."""
    if not found.given or grantee == f"user/{found.item.owner_id}":
        return 0
    grants = grants_in(found.given, grantee)
    for hidden, folder_id in enumerate(found.ancestor_ids):
        folder = Place(folder_id, found.item.owner_id, found.ancestor_ids[:hidden])
        if Rights.READ in rights_on(folder, grantee, grants, now):
            return hidden
    return len(found.ancestor_ids)
