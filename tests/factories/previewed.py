"""What the media worker tells of the previews of uploads."""

from typing import Any

from coffer_contracts import media, media_pages
from coffer_contracts.event import Envelope
from coffer_files.domain.uploads import Upload
from factories.files import Files, cleared, envelope, stored


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


async def document(files: Files, name: str = "a.pdf", *, pages: int | None = 3, **more: Any) -> Upload:
    """A PDF with pictures of its first page."""
    upload = await files.start(name, **more)
    await files.handle(stored(upload), cleared(upload, mime_type="application/pdf", media_kind="document"))
    upload = await files.now(upload)
    await files.handle(ready(upload, facts=media.MediaFacts(page_count=pages) if pages is not None else None))
    return upload


def _page(request: Envelope[Any]) -> dict[str, Any]:
    fact, wanted = request.data, request.data.page
    about = {name: getattr(fact, name) for name in ("item_id", "version_id", "owner_id", "ancestor_ids")}
    asked_for = {name: getattr(wanted, name) for name in ("page_id", "page", "box_pixels", "mime_type")}
    return {**about, **asked_for, "blob_id": fact.content.blob_id}


def page_key(request: Envelope[Any]) -> str:
    """Where the picture lies that was asked for."""
    wanted = request.data.page
    end = ".jpg" if wanted.mime_type == "image/jpeg" else ""
    return f"previews/{request.data.content.blob_id}/page-{wanted.page}/{wanted.box_pixels}{end}"


def page_ready(request: Envelope[Any], **more: Any) -> Envelope[Any]:
    """The picture of a page that was asked for is there."""
    made: dict[str, Any] = {"key": page_key(request), "width": 283, "height": 400, "size_bytes": 999}
    fact = media_pages.PageReadyV1(**{**_page(request), **made, **more})
    return envelope(fact, sequence=request.data.page.attempt)


def page_failed(request: Envelope[Any], reason: str = "corrupt") -> Envelope[Any]:
    """There will be none."""
    return envelope(media_pages.PageFailedV1(**_page(request), reason=reason), sequence=request.data.page.attempt)


async def asked(files: Files) -> list[Any]:
    """What the media worker was asked, oldest first."""
    return await files.facts("files.preview.requested.v1")
