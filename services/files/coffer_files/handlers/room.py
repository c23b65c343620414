"""Room in a drive: asked for before anything is put into it, and counted with whatever takes or frees it.

Counters change in the transaction, and where it can be in the statement, of the change that they count, with the drive locked.
So they need no lock of their own and cannot be behind.
"""

from dataclasses import replace

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import UsageCrossedV1
from coffer_contracts.ids import UserId
from coffer_contracts.problems import QuotaExceeded
from coffer_files.domain import usage
from coffer_files.domain.items import Item
from coffer_files.domain.usage import NOTHING, Booking
from coffer_files.store.drives import Drive


def put_into(item: Item, before: Item | None) -> Booking:
    """What it counts for a file to have the content that `item` names, and to have had that of `before` until now."""
    was = usage.replaced(before.media_kind or "other", before.size_bytes) if before else NOTHING
    return usage.current(item.media_kind or "other", item.size_bytes) + was


def require_room(drive: Drive, size_bytes: int, asks: UserId) -> None:
    """Raises QuotaExceeded if the drive, which is locked, has no room for so many bytes more; none always fit. How full it is,
    is its owner's to know.
    """
    if drive.has_room(size_bytes):
        return
    if asks != drive.owner_id:
        raise QuotaExceeded("There is not enough room left in its owner's drive.", needed=size_bytes)
    used = drive.used_bytes + drive.reserved_bytes
    raise QuotaExceeded("There is not enough room left.", used=used, limit=drive.quota_bytes, needed=size_bytes)


def taken(unit: Unit, drive: Drive, booking: Booking) -> Booking:
    """The booking to write for a drive that is locked and as it was read then, and its owner told if it becomes so full that
    they should know.
    """
    after = replace(drive, used_bytes=drive.used_bytes + booking.used_bytes)
    return booking + tell_if_crossed(unit, drive, after)


def tell_if_crossed(unit: Unit, before: Drive, after: Drive) -> Booking:
    """Tell that a share of the quota is reached that was not reached before; what that counts."""
    percent = usage.crossed(before.used_bytes, before.quota_bytes, after.used_bytes, after.quota_bytes)
    if percent is None:
        return NOTHING
    fact = UsageCrossedV1(
        owner_id=after.owner_id,
        percent=percent,
        used_bytes=after.used_bytes,
        quota_bytes=after.quota_bytes,
        crossed_at=unit.now,
    )
    unit.emit(fact, sequence=before.crossings + 1)
    return Booking({"crossings": 1})
