"""Files that came through public links: they stand in the log of the link, and whoever made it and wants to know is told of
them. SQL only.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.ids import LinkAccessId, LinkId
from coffer_contracts.sharing_links import LinkUploadedV1
from coffer_sharing.domain.links import Link
from coffer_sharing.store.link_accesses import NOWHERE, Access, note_accesses
from coffer_sharing.store.links import link_by_id
from coffer_sharing.store.shares import names_of_items


async def tell_of_upload(event: Envelope[ItemCommittedV1], unit: Unit) -> None:
    """Write down that a file came through a link, and say so if its maker wants to hear it; also of what came just before the
    link ended. Costs nothing for all other files. May run late and in any order.
    """
    fact = event.data
    if event.actorkind != "link" or event.actorid is None or fact.upload_id is None or fact.content is None:
        return
    link = await link_by_id(unit.connection, LinkId(event.actorid))
    if link is None:
        return
    unit.together(_note_all, (link, event.time))
    if not link.notify_on_upload:
        return
    item = (await names_of_items(unit.connection, {link.item_id}))[link.item_id]
    told = LinkUploadedV1(
        upload_id=fact.upload_id,
        link_id=link.id,
        item_id=link.item_id,
        item_kind=item.kind,
        item_name=item.name,
        owner_id=link.owner_id,
        created_by=link.created_by,
        mode=link.mode,
        name=link.name,
        file_id=fact.item_id,
        file_name=fact.name,
        size_bytes=fact.content.size_bytes,
        is_new=fact.is_new,
        uploader_name=fact.uploader_name,
        uploaded_at=event.time,
    )
    unit.emit(told, sequence=1)


async def _note_all(connection: AsyncConnection, asked: Sequence[tuple[Unit, tuple[Link, datetime]]]) -> None:
    """From where and by what program a file was sent is not known: only files heard of it, and it tells neither."""
    came: dict[tuple[LinkId, datetime], list[datetime]] = {}
    for _, (link, at) in asked:
        came.setdefault((link.id, at.replace(second=0, microsecond=0)), []).append(at)
    rows = [
        Access(
            id=LinkAccessId(new_id()),
            link_id=link_id,
            minute=minute,
            action="uploaded",
            network=NOWHERE,
            program="other",
            times=len(times),
            last_at=max(times),
        )
        for (link_id, minute), times in came.items()
    ]
    await note_accesses(connection, rows)
