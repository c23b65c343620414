"""Free names beside taken ones, and the refusal that names them."""

import re
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights, words_of
from coffer_chassis.etags import Conditions
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import NameConflict
from coffer_files.domain.items import Item
from coffer_files.domain.names import keep_both_names, name_key
from coffer_files.handlers.sight import Seen
from coffer_files.store.items import child_named, taken_keys

FIRST_LOOK = 20
LONGEST_LOOK = 5000


async def free_name(connection: AsyncConnection, parent_id: ItemId, name: str, kind: ItemKind) -> str:
    """The best keep-both name that is free at this moment; one query unless many copies lie there."""
    names = keep_both_names(name, kind)
    look = FIRST_LOOK
    while True:
        keyed = {name_key(candidate): candidate for candidate in islice(names, look)}
        taken = await taken_keys(connection, parent_id, list(keyed))
        for key, candidate in keyed.items():
            if key not in taken:
                return candidate
        look = min(look * 5, LONGEST_LOOK)


async def name_conflict(unit: Unit, parent_id: ItemId, name: str, kind: ItemKind, existing: Item | None) -> NameConflict:
    """The refusal for a taken name, with who holds it and a name that is free."""
    existing = existing or await child_named(unit.connection, parent_id, name_key(name))
    suggested = await free_name(unit.connection, parent_id, name, kind)
    held = existing.name if existing else name
    return NameConflict(f"The folder already holds {held!r}.", existing=described(existing), suggested_name=suggested)


def described(existing: Item | None) -> dict[str, str] | None:
    """What a refusal tells about the item in the way."""
    return {"id": existing.id, "kind": existing.kind, "etag": etag(existing)} if existing else None


def etag(item: Item) -> str:
    """The strong entity tag of an item: it changes with every change of the item (RFC 9110 section 8.8.3)."""
    return f'"{item.revision}"'


def etag_as_seen(seen: Seen) -> str:
    """The tag of the answer that one caller gets: what they may do, whether it is shared, whether they see the folder above
    and what it is to them alone change without the item. It tells nothing that the answer does not.
    """
    if seen.rights == Rights.OWN:
        marks = "s" if seen.at.is_shared else ""
    else:
        marks = "".join(word[0] for word in words_of(seen.rights)) + ("" if seen.parent_id else "t")
    marks += "l" if seen.locks else ""
    marks += "f" if seen.at.mark.favourite_at else ""
    marks += f"i{int(seen.at.mark.touched_at.timestamp()):x}" if seen.at.mark.touched_at else ""
    return f'"{seen.at.item.revision}-{marks}"' if marks else etag(seen.at.item)


def guard(conditions: Conditions, item: Item) -> None:
    """Raises PreconditionFailed unless the item is at the revision that the caller has seen, in whichever answer."""
    conditions.mapped(lambda tag: _SEEN_AS.sub('"', tag)).require(etag(item))


_SEEN_AS = re.compile(r'-[a-z0-9]+"$')
