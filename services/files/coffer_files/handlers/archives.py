"""Archives: asked for by whoever may read all that is to be in one, and fetched once with the ticket that they were given."""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ArchiveId, ItemId
from coffer_contracts.problems import NotFound, TicketRequired, TooLarge
from coffer_files.domain.items import Located
from coffer_files.domain.names import accept_name, cut_to_bytes, split_extension
from coffer_files.domain.zip_names import NAMELESS
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.sight import rights_at
from coffer_files.handlers.tickets import Admission
from coffer_files.store import archives as rows
from coffer_files.store.archives import Archive
from coffer_files.store.grants import given_to, locate_many

TICKET_SECONDS = 300
"""How long an archive can be fetched."""
TICKET_BYTES = 32
ENTRY_BYTES = 200
"""About what an entry costs beside its content."""
_EXTENSION = ".zip"


@dataclass(frozen=True, slots=True)
class Asked:
    """An archive that can be fetched, and the ticket for it, which is nowhere else."""

    archive: Archive
    ticket: str


async def create_archive(
    deps: Deps, principal: Principal, origin: Origin, item_ids: Sequence[ItemId], name: str | None, admission: Admission
) -> Asked:
    """Look whether the caller may have all of it, and how much it is. Makes nothing yet: it is made while it is fetched.

    Raises NotFound if one of the items is not there for the caller, NameInvalid, TooLarge, TicketRequired.
    """
    wanted = list(dict.fromkeys(item_ids))
    name = _named(accept_name(name)) if name is not None else None
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = await readable(connection, principal.grantee, wanted, now)
    if len(found) < len(wanted):
        raise NotFound
    ticket = await admission.read("archive")
    if ticket is not None and not all(ticket.item_id in one.ids_down_to_it for one in found):
        raise TicketRequired("The ticket was made for something else.")
    top = without_nested(found)
    async with deps.work.read() as connection:
        most = deps.settings.archive_max_files
        count, size = await rows.measure(connection, [one.item.id for one in top], most + 1)
    if count > most:
        raise TooLarge(f"An archive holds at most {most} files and folders.", limit=most, counted="items")
    if size > deps.settings.archive_max_bytes:
        most = deps.settings.archive_max_bytes
        raise TooLarge(f"An archive holds files of at most {most} bytes in all.", limit=most, counted="bytes")
    await admission.use(deps)
    secret = secrets.token_urlsafe(TICKET_BYTES)
    archive = Archive(
        id=ArchiveId(new_id()),
        grantee=principal.grantee,
        actor_id=principal.user_id,
        actor_kind=origin.actor_kind,
        session_id=principal.session_id,
        item_ids=[one.item.id for one in top],
        name=name or _named(_name_of(top)),
        ticket_sha256=sha256(secret.encode()).digest(),
        estimated_size=size + count * ENTRY_BYTES,
        created_at=now,
        expires_at=now + timedelta(seconds=TICKET_SECONDS),
        used_at=None,
    )
    async with deps.work.engine.begin() as connection:
        await rows.insert_archive(connection, archive)
    return Asked(archive, secret)


def _name_of(top: Sequence[Located]) -> str:
    if len(top) != 1:
        return NAMELESS
    item = top[0].item
    return split_extension(item.name)[0] if item.kind == "file" else item.name or NAMELESS


def _named(name: str) -> str:
    if name.lower().endswith(_EXTENSION):
        return name
    return cut_to_bytes(name, 255 - len(_EXTENSION)) + _EXTENSION


async def find_archive(deps: Deps, archive_id: ArchiveId, ticket: str) -> Archive:
    """The archive that the ticket was made for. Raises NotFound for an archive that never was and for another's ticket, and
    TicketRequired for one that was used, has expired, or was given to a session that has ended.
    """
    async with deps.work.read() as connection:
        archive = await rows.archive_by_id(connection, archive_id)
    shown = sha256(ticket.encode(errors="replace")).digest()
    if not hmac.compare_digest(shown, archive.ticket_sha256 if archive else bytes(len(shown))) or archive is None:
        raise NotFound
    is_over = archive.used_at is not None or archive.expires_at <= deps.work.clock.now()
    if is_over or archive.session_id in deps.denied.revocations:
        raise TicketRequired("This address was good for one time and a few minutes; ask for a new archive.")
    return archive


async def use_archive(deps: Deps, archive: Archive) -> None:
    """Fetch it: the only time. Raises TicketRequired if somebody was quicker."""
    async with deps.work.engine.begin() as connection:
        if not await rows.use_archive(connection, archive.id, deps.work.clock.now()):
            raise TicketRequired("This address was good for one time and a few minutes; ask for a new archive.")


async def readable(connection: AsyncConnection, grantee: str, item_ids: Sequence[ItemId], now: datetime) -> list[Located]:
    """Those of the items that live and that `grantee` may read now, in the same order."""
    given = [one for one, _ in await given_to(connection, grantee)]
    found = await locate_many(connection, item_ids, given)
    known = (found[item_id] for item_id in item_ids if item_id in found)
    return [one for one in known if one.is_live and Rights.READ in rights_at(one, grantee, now)]


def without_nested(found: Iterable[Located]) -> list[Located]:
    """Without what lies below another one of them, and so is in the archive anyway."""
    found = list(found)
    ids = {one.item.id for one in found}
    return [one for one in found if not ids.intersection(one.ancestor_ids)]
