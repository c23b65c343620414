"""Which preview picture answers which wish."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from coffer_contracts.problems import Problem

PreviewSize = Literal["thumb", "medium", "large"]
BOXES: Mapping[PreviewSize, int] = {"thumb": 400, "medium": 1024, "large": 2048}
"""The box in pixels that a picture of this size fits into."""


class PreviewUnavailable(
    Problem,
    code="preview_unavailable",
    status=404,
    title="There is no preview",
    example={"reason": "unsupported"},
):
    """The file has no preview and will not get one; `reason` says why, e.g. `corrupt`, or `none` for kinds without."""


def picture_for(pictures: Sequence[Mapping[str, Any]], size: PreviewSize) -> Mapping[str, Any] | None:
    """The smallest picture that fills the box, else the largest there is; None if there are none."""
    by_size = sorted(pictures, key=lambda picture: int(picture["box_pixels"]))
    for picture in by_size:
        if picture["box_pixels"] >= BOXES[size]:
            return picture
    return by_size[-1] if by_size else None
