"""The pictures of a preview as JPEG, for whoever cannot show WebP: made of the WebP pictures, in a child as all decoding."""

from collections.abc import Sequence

import structlog

from coffer_chassis.handling import Retry
from coffer_contracts.ids import BlobId
from coffer_contracts.media import PreviewImage
from coffer_media_worker.domain import PreviewFailed
from coffer_media_worker.handlers.deps import FOREVER, Deps
from coffer_media_worker.keys import jpeg_key
from coffer_media_worker.warm import ChildrenLost

JPEG = "image/jpeg"

log = structlog.get_logger(__name__)


def has_jpegs(images: Sequence[PreviewImage]) -> bool:
    """Whether the pictures are there as JPEG, too."""
    return any(image.mime_type == JPEG for image in images)


async def with_jpegs(deps: Deps, blob_id: BlobId, images: Sequence[PreviewImage]) -> tuple[PreviewImage, ...]:
    """The pictures, and after them each as JPEG but what cannot be made so small. Keys derive from the content, so it may run
    any number of times.

    Raises BlobMissing where a picture is gone, Retry when the machinery broke.
    """
    usual = [image for image in images if image.mime_type != JPEG]
    made = [await _as_jpeg(deps, blob_id, image) for image in usual]
    return (*usual, *(image for image in made if image is not None))


async def _as_jpeg(deps: Deps, blob_id: BlobId, image: PreviewImage) -> PreviewImage | None:
    source = await deps.blobs.read(image.key)
    try:
        outcome = await deps.children.render(source, (image.box_pixels,), format="JPEG")
    except ChildrenLost as error:
        raise Retry(f"the rendering processes were lost: {error}", after_seconds=1, doubling=True) from error
    if isinstance(outcome, PreviewFailed) or not outcome.pictures:
        reason = outcome.reason.value if isinstance(outcome, PreviewFailed) else "none"
        log.warning("jpeg_not_made", blob_id=blob_id, box=image.box_pixels, reason=reason)
        return None
    picture = outcome.smallest
    key = jpeg_key(image.key)
    await deps.blobs.write(key, picture.content, content_type=picture.mime_type, cache_control=FOREVER)
    return PreviewImage(
        box_pixels=image.box_pixels,
        key=key,
        mime_type=picture.mime_type,
        width=picture.width,
        height=picture.height,
        size_bytes=len(picture.content),
    )
