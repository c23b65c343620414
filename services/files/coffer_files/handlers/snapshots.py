"""What files tells again for readers that lost their copy: every item as it stands, live or in the trash."""

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.snapshots import Restatement, Source
from coffer_contracts.files import ItemChangedV1
from coffer_contracts.ids import ItemId
from coffer_files.handlers.facts import content_fact, item_fact
from coffer_files.store.snapshots import Standing, items_after

PAGE = 500


async def items(connection: AsyncConnection, after: str | None) -> tuple[list[Restatement], str | None]:
    """A page of items at their revisions. What was removed for good is not told: nothing is left of it to tell."""
    found = await items_after(connection, ItemId(after) if after else None, PAGE)
    told: list[Restatement] = [(_told(standing), standing.item.revision) for standing in found]
    return told, found[-1].item.id if len(found) == PAGE else None


def _told(standing: Standing) -> ItemChangedV1:
    item, stored = standing.item, standing.stored
    content = None if stored is None else content_fact(item, blob_id=stored.blob_id, blob_key=stored.key, etag=stored.etag)
    return item_fact(ItemChangedV1, item, standing.ancestor_ids, content, changes=())


ITEMS = Source("items", items)
