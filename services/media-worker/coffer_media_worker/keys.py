"""Where the media worker stores what it makes of an object. Pure."""

from coffer_contracts.ids import BlobId
from coffer_media_worker.limits import SIZES


def text_key(blob_id: BlobId) -> str:
    """Where the text of an object is stored, if it has any."""
    return f"previews/{blob_id}/text"


def jpeg_key(key: str) -> str:
    """Where a stored picture lies as JPEG."""
    return f"{key}.jpg"


def preview_keys(blob_id: BlobId) -> list[str]:
    """Where most is stored that was made of an object: its pictures, as JPEG too, and its text. Some kinds have more."""
    pictures = [f"{derived_prefix(blob_id)}{box}" for box in SIZES]
    return [*pictures, *map(jpeg_key, pictures), text_key(blob_id)]


def page_key(blob_id: BlobId, page: int, box: int, mime_type: str) -> str:
    """Where a picture of a page is stored that somebody asked for."""
    key = f"{derived_prefix(blob_id)}page-{page}/{box}"
    return jpeg_key(key) if mime_type == "image/jpeg" else key


def derived_prefix(blob_id: BlobId) -> str:
    """What the keys begin with of everything that was made of an object."""
    return f"previews/{blob_id}/"
