"""Pictures made smaller, decoded as coarsely as the goal allows. Runs in a child, never in the worker."""

from collections.abc import Sequence

from PIL import Image

from coffer_media_worker.colours import averageable

GAP = 1.25
"""How much larger than the goal the cheap first reduction stays: 20 % faster than 1.5, invisible beside the encoder."""

EXACT = 400
"""Up to this box a picture fills it to the pixel."""

NEAR = 0.9
"""Of a larger box a picture may fill so much less where a whole number of pixels then makes one: several times as fast."""

EARLY = 1024
"""A picture larger than this box takes so long that the smallest is not kept waiting."""

Region = tuple[float, float, float, float]


def fitted(size: tuple[int, int], box: int) -> tuple[int, int]:
    """The size within the box, in the same proportions; never larger than it was, never less than a pixel."""
    scale = min(box / size[0], box / size[1], 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def worthwhile(size: tuple[int, int], boxes: Sequence[int]) -> tuple[int, ...]:
    """Those of the boxes, smallest first, that show more of a picture of this size than the one before."""
    ordered = sorted(set(boxes))
    return tuple(box for number, box in enumerate(ordered) if number == 0 or ordered[number - 1] < max(size))


def load(picture: Image.Image, box: int) -> tuple[Image.Image, Region | None]:
    """Decode as coarsely as the box allows: the pixels, in a mode that can be averaged, and which part of them is the
    picture.
    """
    width, height = picture.size
    goal = fitted(picture.size, box)
    ask = (int(goal[0] * GAP), int(goal[1] * GAP))
    if box > EXACT:
        coarser = [step for step in (8, 4, 2) if max(width, height) / step >= NEAR * max(goal)]
        step = coarser[0] if coarser else 1
        ask = (max(1, width // step), max(1, height // step))
    drafted = picture.draft(None, ask)
    picture.load()
    return averageable(picture), drafted[1] if drafted is not None else None


def shrink(plain: Image.Image, region: Region | None, full: tuple[int, int], box: int) -> Image.Image:
    """What `load` decoded of a picture of `full` size, made to fit the box, without anything that was written beside
    the pixels.
    """
    goal = fitted(full, box)
    if plain.size == goal or (box > EXACT and NEAR * max(goal) <= max(plain.size) <= box):
        small = plain.copy()
    elif box > EXACT and max(plain.size) // (step := -(-max(plain.size) // box)) >= NEAR * max(goal):
        small = plain.reduce(step)
    else:
        small = plain.resize(goal, Image.Resampling.LANCZOS, box=region, reducing_gap=GAP)
    small.info.clear()  # comments, EXIF and profiles must not travel into the preview
    return small


def crop(picture: Image.Image, box: int) -> Image.Image:
    """The square in the middle, box pixels wide; decoded as coarsely as that allows, and cut out before anything grows."""
    drafted = picture.draft(None, (int(box * GAP), int(box * GAP)))
    left, top, right, bottom = drafted[1] if drafted is not None else (0, 0, *picture.size)
    picture.load()
    side = min(right - left, bottom - top)
    across, down = (left + right - side) / 2, (top + bottom - side) / 2
    middle = (across, down, across + side, down + side)
    small = averageable(picture).resize((box, box), Image.Resampling.LANCZOS, box=middle, reducing_gap=GAP)
    small.info.clear()
    return small
