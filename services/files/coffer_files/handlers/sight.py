"""Who may see and do what: every way to an item leads through here. What one may not see is told like what is not there."""

from dataclasses import dataclass
from datetime import datetime

from coffer_chassis.access import Place, Rights, rights_on
from coffer_contracts.problems import Forbidden, NotFound
from coffer_files.domain.items import Located


@dataclass(frozen=True, slots=True)
class Seen:
    """An item with what the caller may do with it."""

    at: Located
    rights: Rights

    def require(self, rights: Rights) -> "Seen":
        """Itself; raises Forbidden if the caller may see the item but not do this."""
        if rights not in self.rights:
            raise Forbidden("You can see this but may not change it.")
        return self


def rights_at(found: Located, grantee: str, now: datetime) -> Rights:
    """What `grantee` may do with a found item."""
    place = Place(found.item.id, found.item.owner_id, found.ancestor_ids)
    return rights_on(place, grantee, (), now)


def seen(found: Located | None, grantee: str, now: datetime, *, in_trash: bool = False) -> Seen:
    """The item as the caller may see it; raises NotFound if it is not there, not for them, or in the trash when that is
    not asked for.
    """
    if found is None or not (in_trash or found.is_live):
        raise NotFound
    rights = rights_at(found, grantee, now)
    if Rights.READ not in rights:
        raise NotFound
    return Seen(found, rights)
