"""What visitors of public links may do with uploads, and to whom an upload is shown at all.

Each session sees what it sends itself. A link that only collects files shows nothing of the folder: not what lies there, and
not under which name a file came to lie beside others.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Forbidden, LimitReached, Locked, NotFound, ValidationFailed
from coffer_files.domain.locks import covering, in_the_way
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import ROOT, folder_to_fill, hold_folder
from coffer_files.handlers.sight import Seen, collects, rights_at
from coffer_files.store.grants import given_to, locate_many
from coffer_files.store.items import hold
from coffer_files.store.visitors import open_through


@dataclass(frozen=True, slots=True)
class Sender:
    """How a visitor stands beside an upload; both None for people, of whom more is known."""

    session_id: str | None = None
    name: str | None = None


def sender_of(principal: Principal, name: str | None) -> Sender:
    """Who is written down beside an upload. Raises ValidationFailed for people who call themselves something."""
    if principal.kind == "link":
        return Sender(principal.session_id, name)
    if name is not None:
        raise ValidationFailed("`uploader_name` is for visitors of a public link; of others the account is told.")
    return Sender()


def is_shown_to(principal: Principal, upload: Upload) -> bool:
    """Whether the caller may know of an upload: its sender, who at a link is one session, and the owner of the drive."""
    if principal.kind == "link":
        sender = (upload.is_of_link, upload.uploader_id, upload.session_id)
        return sender == (True, principal.user_id, principal.session_id)
    return principal.user_id == upload.owner_id or (not upload.is_of_link and principal.user_id == upload.uploader_id)


async def require_link(connection: AsyncConnection, deps: Deps, principal: Principal) -> None:
    """Raises NotFound for a visitor whose link takes no files any more: it has expired, was taken back, or what it leads to
    lies in the trash. Says nothing about people. Two statements.
    """
    if principal.kind != "link":
        return
    given = [one for one, _ in await given_to(connection, principal.grantee)]
    found = await locate_many(connection, {one.item_id for one in given}, given, principal.grantee)
    now = deps.work.clock.now()
    if not any(one.is_live and Rights.UPLOAD in rights_at(one, principal.grantee, now) for one in found.values()):
        raise NotFound


async def hold_target(unit: Unit, deps: Deps, principal: Principal, ref: str) -> Seen:
    """The living folder that an upload goes into, as `hold_folder`; without the right to read for visitors of the very folder
    that collects files.
    """
    if principal.kind != "link" or ref == ROOT:
        return await hold_folder(unit, deps, principal, ref)
    found = await hold(unit.connection, ItemId(ref), principal.grantee)
    if found is None or not collects(found, principal.grantee, unit.now):
        return folder_to_fill(found, principal.grantee, unit.now)
    if in_the_way(covering(found.locks, found.item.id, found.ancestor_ids, unit.now), principal.grantee) is not None:
        raise Locked("Somebody keeps others from changing this for the time being.")
    return Seen(found, Rights.UPLOAD)


def only_adds(folder: Seen) -> bool:
    """Whether the caller may put files into a held folder and see nothing of it."""
    return Rights.WRITE not in folder.rights


def beside_others(conflict: ConflictPolicy) -> ConflictPolicy:
    """The policy of who only adds: whatever holds the name stays. Raises Forbidden for the wish to replace it."""
    if conflict == "replace":
        raise Forbidden("This link takes files and replaces none.")
    return "rename"


async def room_through(unit: Unit, deps: Deps, principal: Principal, wanted: int) -> int:
    """How many of the wanted uploads may begin now: people may begin all. Nobody else begins one through the same link before
    the unit ends.
    """
    if principal.kind != "link":
        return wanted
    return max(0, min(wanted, deps.settings.link_open_uploads - await open_through(unit.connection, principal.user_id)))


def too_many(deps: Deps) -> LimitReached:
    """The refusal of more open uploads through one link."""
    return LimitReached(
        "Too many files that were announced through this link have not come yet.", limit=deps.settings.link_open_uploads
    )
