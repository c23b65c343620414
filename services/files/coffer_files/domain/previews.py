"""Which preview picture answers which wish. Pictures are WebP; the same as JPEG is made for those who ask for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from coffer_contracts.problems import Problem

PreviewSize = Literal["thumb", "medium", "large"]
BOXES: Mapping[PreviewSize, int] = {"thumb": 400, "medium": 1024, "large": 2048}
"""The box in pixels that a picture of this size fits into."""

PAGED = frozenset({"application/pdf"})
"""Types of documents of which more pages are shown than the first."""

MOST_PAGES = 1000
"""Pages of a document that can be looked at, so that no document takes more room than that."""


class PreviewUnavailable(
    Problem,
    code="preview_unavailable",
    status=404,
    title="There is no preview",
    example={"reason": "unsupported"},
):
    """The file has no preview and will not get one; `reason` says why, e.g. `corrupt`, or `none` for kinds without. Of a page:
    `no_pages` for kinds without, `no_such_page` behind the last, `too_many_pages` behind those that can be looked at.
    """


PictureForm = Literal["webp", "jpeg"]
JPEG = "image/jpeg"
TYPES: Mapping[PictureForm, str] = {"webp": "image/webp", "jpeg": JPEG}


def picture_for(pictures: Sequence[Mapping[str, Any]], size: PreviewSize) -> Mapping[str, Any] | None:
    """The smallest picture that fills the box, else the largest there is; None if there are none. The same as JPEG counts
    only where there is nothing else.
    """
    by_size = sorted(pictures, key=lambda picture: (picture.get("mime_type") == JPEG, int(picture["box_pixels"])))
    usual = [picture for picture in by_size if picture.get("mime_type") != JPEG] or by_size
    for picture in usual:
        if picture["box_pixels"] >= BOXES[size]:
            return picture
    return usual[-1] if usual else None


def jpeg_for(pictures: Sequence[Mapping[str, Any]], size: PreviewSize) -> Mapping[str, Any] | None:
    """The smallest JPEG that fills the box, else the largest there is; None if there are none."""
    return picture_for([picture for picture in pictures if picture.get("mime_type") == JPEG], size)


def form_for(accept: str | None) -> PictureForm:
    """In which form a picture is sent to whoever says what they take (RFC 9110, section 12.5.1): JPEG to those who take that
    and not WebP, WebP to all others. Ranges with stars take both.
    """
    taken: dict[str, float] = {}
    for one in (accept or "").split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        taken[name] = next((_quality(text) for text in parameters if text.startswith("q=")), 1.0)

    def takes(kind: str) -> bool:
        return next((taken[name] for name in (kind, "image/*", "*/*") if name in taken), 0.0) > 0

    return "jpeg" if takes(JPEG) and not takes("image/webp") else "webp"


def _quality(text: str) -> float:
    try:
        return float(text[2:])
    except ValueError:
        return 1.0


def degrees(location: str) -> tuple[float, float]:
    """Degrees north and east of a place as ISO 6709 writes it. Raises ValueError."""
    east_at = max(location.rfind("+"), location.rfind("-"))
    return float(location[:east_at]), float(location[east_at:].rstrip("/"))
