"""What a picture's file says of it, and what can be told by its colours. Runs in a child, never in the worker.

Where it was taken is read only for owners who want to know.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import ExifTags, Image

TEXT_LENGTH = 100
_MOMENT = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_COUNTED = frozenset({"AVIF", "PNG", "WEBP"})
"""Formats whose header tells how many frames there are; of others it would take the whole file."""


def told_by_file(picture: Image.Image, *, locate: bool = False) -> dict[str, Any]:
    """When and with what it was taken (EXIF 2.32), with `locate` also where, and its frames where there are several; what is
    damaged is left out.
    """
    facts: dict[str, Any] = {}
    frames = getattr(picture, "n_frames", 1) if picture.format in _COUNTED else 1
    if isinstance(frames, int) and frames > 1:
        facts["frame_count"] = frames
    try:
        exif = picture.getexif()
        detail = exif.get_ifd(ExifTags.IFD.Exif)
        taken = _moment(
            detail.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTimeOriginal),
            detail.get(ExifTags.Base.OffsetTimeOriginal),
        )
        named = {
            "taken": taken,
            "camera_make": _line(exif.get(ExifTags.Base.Make)),
            "camera_model": _line(exif.get(ExifTags.Base.Model)),
            "location": _location(exif.get_ifd(ExifTags.IFD.GPSInfo)) if locate else "",
        }
    except Exception:  # noqa: BLE001 damaged EXIF must not cost the picture its preview
        return facts
    return facts | {name: value for name, value in named.items() if value}


def _location(gps: Mapping[int, Any]) -> str:
    """Degrees north and east as ISO 6709, to five places, which is a metre; nothing where it is damaged, or no place."""
    north, east = gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLongitude)
    if north is None or east is None or gps.get(ExifTags.GPS.GPSStatus) == "V":
        return ""
    try:
        latitude, longitude = _degrees(north), _degrees(east)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return ""
    if not (latitude <= 90 and longitude <= 180):  # not a number is neither
        return ""
    south = _line(gps.get(ExifTags.GPS.GPSLatitudeRef)).upper() == "S"
    west = _line(gps.get(ExifTags.GPS.GPSLongitudeRef)).upper() == "W"
    return f"{'-' if south else '+'}{latitude:08.5f}{'-' if west else '+'}{longitude:09.5f}/"


def _degrees(parts: Sequence[Any]) -> float:
    """Degrees, minutes and seconds as one number. Raises TypeError, ValueError, ZeroDivisionError for what is none."""
    degrees, minutes, seconds = (float(part) for part in parts)
    if min(degrees, minutes, seconds) < 0:
        raise ValueError(f"{degrees} {minutes} {seconds}")
    return degrees + minutes / 60 + seconds / 3600


def _line(value: object) -> str:
    """One line of printable text, or nothing."""
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value.partition("\0")[0] if letter.isprintable()).strip()[:TEXT_LENGTH]


def _moment(value: object, offset: object) -> str:
    """Local time as ISO 8601, with its offset from UTC where the camera knew it."""
    found = _MOMENT.match(_line(value))
    if found is None or found[1] == "0000":
        return ""
    known = _OFFSET.fullmatch(_line(offset))
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}{known[0] if known else ''}"


def told_by_colours(small: Image.Image) -> dict[str, Any]:
    """The mean colour, and a hash of the brightness that pictures which look alike share but for a few bits (dHash)."""
    red, green, blue = _pixels(small.resize((1, 1), Image.Resampling.BOX))[:3]
    grey = _pixels(small.convert("L").resize((9, 8), Image.Resampling.BOX))
    bits = 0
    for row in range(8):
        for column in range(8):
            at = row * 9 + column
            bits = bits << 1 | (grey[at] > grey[at + 1])
    return {"colour": f"#{red:02x}{green:02x}{blue:02x}", "dhash": f"{bits:016x}"}


def _pixels(picture: Image.Image) -> bytes:
    return picture.tobytes()
