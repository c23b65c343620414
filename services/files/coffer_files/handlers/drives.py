"""Drives: made on first sight of their owner, with a root folder to put things into."""

from dataclasses import replace

from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserFact, UserRegisteredV1
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCreatedV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import NotFound
from coffer_files.domain.items import Located, new_folder
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.facts import item_fact
from coffer_files.handlers.room import tell_if_crossed
from coffer_files.store.changes import note_change
from coffer_files.store.drives import Drive, book, drive_of, insert_drive, lock_drive, note_user, quota_given, set_quota
from coffer_files.store.items import find_root, insert_item, locate_root


async def ensure_drive(unit: Unit, owner_id: UserId, deps: Deps) -> None:
    """Make the owner's drive and root folder unless they exist. May run twice, also at once."""
    root_id = ItemId(new_id())
    given = await quota_given(unit.connection, owner_id)
    quota = deps.settings.default_quota_bytes if given is None else given
    made = await insert_drive(unit.connection, owner_id, root_id=root_id, quota_bytes=quota, now=unit.now)
    if not made:
        return
    root = new_folder(root_id, owner_id, None, "", created_by=owner_id, now=unit.now)
    await insert_item(unit.connection, root, "")
    await note_change(unit.connection, root, "created", (), actor_id=owner_id, now=unit.now)
    unit.emit(item_fact(ItemCreatedV1, root, (), None), sequence=root.revision)


def drive_owner(principal: Principal) -> UserId:
    """Whose drive `root` stands for. Raises NotFound for a visitor of a public link, who has none."""
    if principal.kind == "link":
        raise NotFound
    return principal.user_id


async def root_of(deps: Deps, owner_id: UserId, origin: Origin) -> Located:
    """The root folder of the owner's drive, made if this is the first that is heard of them."""
    async with deps.work.read() as connection:
        found = await find_root(connection, owner_id)
    if found is None:
        async with deps.work.unit(origin) as unit:
            await ensure_drive(unit, owner_id, deps)
            found = await locate_root(unit.connection, owner_id)
    if found is None:
        raise NotFound
    return found


async def drive_or_new(deps: Deps, owner_id: UserId, origin: Origin) -> Drive:
    """The owner's drive, made if this is the first that is heard of them."""
    async with deps.work.read() as connection:
        drive = await drive_of(connection, owner_id)
    if drive is None:
        async with deps.work.unit(origin) as unit:
            await ensure_drive(unit, owner_id, deps)
            drive = await drive_of(unit.connection, owner_id)
    if drive is None:
        raise NotFound
    return drive


async def on_user_registered(event: Envelope[UserRegisteredV1], unit: Unit, deps: Deps) -> None:
    """Remember who it is and lay out the drive. May run twice and out of order."""
    await _note(event, unit, deps)
    await ensure_drive(unit, event.data.user_id, deps)


async def on_user_told(event: Envelope[UserFact], unit: Unit, deps: Deps) -> None:
    """Remember what is known of a person now, and give their drive its room. May run twice and out of order."""
    await _note(event, unit, deps)


async def _note(event: Envelope[UserFact], unit: Unit, deps: Deps) -> None:
    user = event.data
    newer = await note_user(
        unit.connection,
        user.user_id,
        username=user.username,
        display_name=user.display_name,
        email=user.email,
        quota_bytes=user.quota_bytes,
        sequence=event.revision,
    )
    if newer and user.status != "deleted":
        # Somebody may be making the drive at this moment, with the room that was known before: waited for here.
        await ensure_drive(unit, user.user_id, deps)
        given = deps.settings.default_quota_bytes if user.quota_bytes is None else user.quota_bytes
        drive = await lock_drive(unit.connection, user.user_id)
        if drive is not None and drive.quota_bytes != given:
            await set_quota(unit.connection, user.user_id, given)
            crossed = tell_if_crossed(unit, drive, replace(drive, quota_bytes=given))
            await book(unit.connection, user.user_id, crossed)
