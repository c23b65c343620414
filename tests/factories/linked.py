"""Facts about public links and what came through them as the notifier hears them."""

from datetime import timedelta
from typing import Any

from coffer_contracts.event import Envelope
from coffer_contracts.sharing_links import LinkUploadedV1
from factories.events import NOON
from factories.telling import Item, sample, user_id


def came(folder: Item, file: Item, link: str, *, minutes: int = 0, **more: Any) -> Envelope[LinkUploadedV1]:
    """A file that came through a link to a folder."""
    fact = sample("sharing.link.uploaded.v1", folder.owner)
    at = NOON + timedelta(minutes=minutes)
    values = {
        "link_id": link,
        "item_id": folder.id,
        "item_name": folder.name,
        "item_kind": folder.kind,
        "owner_id": folder.owner,
        "file_id": file.id,
        "file_name": file.name,
        "uploaded_at": at,
        **more,
    }
    told: Envelope[LinkUploadedV1] = fact.model_copy(update={"data": fact.data.model_copy(update=values), "time": at})
    return told


def link_fact(kind: str, item: Item, maker: str, **changes: Any) -> Envelope[Any]:
    """A fact about a link to an item."""
    fact = sample(f"sharing.link.{kind}.v1", user_id())
    told = {"item_id": item.id, "item_name": item.name, "owner_id": item.owner, "created_by": maker, **changes}
    return fact.model_copy(update={"ownerid": item.owner, "data": fact.data.model_copy(update=told)})
