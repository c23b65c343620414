"""Which tags are in use on what somebody may see."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from coffer_chassis.access import Grant, Rights
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.sight import grants_in
from coffer_files.store.grants import given_to
from coffer_files.store.tags import Folder, Spelled, folders_up, tags_by_folder


class TagCount(NamedTuple):
    """A tag, spelled as on most items that have it, and how many have it."""

    tag: str
    times: int


async def list_tags(deps: Deps, principal: Principal) -> list[TagCount]:
    """The tags of everything living that the caller may see, in their own drive and in what others share with them, sorted
    without regard to case. Three statements; reads every tagged item of these drives.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        opened = {
            one.item_id: owner
            for one, owner in await given_to(connection, principal.grantee)
            if (one.expires_at is None or now < one.expires_at) and _lets_see(grants_in([one], principal.grantee))
        }
        found = await tags_by_folder(connection, {principal.user_id, *opened.values()}, opened)
        folders = await folders_up(connection, {one.folder_id for one in found}) if found else {}
    return _counted(one for one in found if _is_seen(one, principal, folders, opened))


def _lets_see(grants: Iterable[Grant]) -> bool:
    return any(Rights.READ in grant.rights for grant in grants)


def _is_seen(one: Spelled, principal: Principal, folders: Mapping[ItemId, Folder], opened: Collection[ItemId]) -> bool:
    """Nothing above is in the trash, and it is the caller's own or something on the way up was given to them."""
    is_open = one.owner_id == principal.user_id or one.item_id is not None
    folder = folders.get(one.folder_id)
    while folder is not None:
        if folder.in_trash:
            return False
        is_open = is_open or folder.id in opened
        folder = folders.get(folder.parent_id) if folder.parent_id else None
    return is_open


def _counted(found: Iterable[Spelled]) -> list[TagCount]:
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        spellings[one.key][one.tag] += one.times
    return [TagCount(_usual(spellings[key]), spellings[key].total()) for key in sorted(spellings)]


def _usual(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda tag: (-spellings[tag], tag))
