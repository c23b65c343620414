"""What the media worker tells of the previews of uploads."""

from typing import Any

from coffer_contracts import media
from coffer_contracts.event import Envelope
from coffer_files.domain.uploads import Upload
from factories.files import Files, envelope


def picture(upload: Upload, box: int = 400, *, jpeg: bool = False) -> media.PreviewImage:
    """One stored picture."""
    return media.PreviewImage(
        box_pixels=box,
        key=f"previews/{upload.blob_id}/{box}{'.jpg' if jpeg else ''}",
        mime_type="image/jpeg" if jpeg else "image/webp",
        width=box,
        height=box * 3 // 4,
        size_bytes=999,
    )


def _about(upload: Upload) -> dict[str, Any]:
    return {
        "item_id": upload.item_id,
        "version_id": upload.version_id,
        "owner_id": upload.owner_id,
        "ancestor_ids": (),
        "blob_id": upload.blob_id,
    }


def ready(upload: Upload, sequence: int = 1, boxes: tuple[int, ...] = (400, 1024), **more: Any) -> Envelope[Any]:
    """Its pictures are there; with `jpeg=True` as JPEG, too."""
    jpeg = more.pop("jpeg", False)
    pictures = [picture(upload, box, jpeg=form) for form in ((False, True) if jpeg else (False,)) for box in boxes]
    return envelope(media.PreviewReadyV1(**_about(upload), images=tuple(pictures), **more), sequence=sequence)


def failed(upload: Upload, sequence: int = 1, reason: str = "unsupported") -> Envelope[Any]:
    """There will be none."""
    return envelope(media.PreviewFailedV1(**_about(upload), reason=reason), sequence=sequence)


async def previewed(files: Files, name: str = "a.jpg", **more: Any) -> Upload:
    """A file with pictures."""
    upload = await files.upload(name)
    await files.handle(ready(upload, **more))
    return upload


async def asked(files: Files) -> list[Any]:
    """What the media worker was asked, oldest first."""
    return await files.facts("files.preview.requested.v1")
