"""Facts about what came through public links as the notifier hears them."""

from datetime import timedelta
from typing import Any

from coffer_contracts.event import Envelope
from coffer_contracts.sharing_links import LinkUploadedV1
from factories.events import NOON
from factories.telling import Item, sample


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
