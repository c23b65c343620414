"""Where a picture was taken: told only to those who asked, and in no preview ever."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from coffer_contracts.media import MediaFacts
from coffer_media_worker.children import Children
from coffer_media_worker.domain import SIZES, Picture, Rendered
from coffer_media_worker.imaging import render
from factories import images
from factories.children import PATIENT

pytestmark = pytest.mark.slow  # renders real pictures

GPS = ExifTags.GPS
PARIS: Mapping[int, Any] = {1: "N", 2: (48.0, 51.0, 29.736), 3: "E", 4: (2.0, 17.0, 40.2)}
SAID = "+48.85826+002.29450/"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><exif:GPSLatitude>48,51.4956N</exif:GPSLatitude></x:xmpmeta>"


def taken(gps: Mapping[int, Any], form: str = "JPEG", side: int = 640) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example Works"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    return images.saved(images.photo(side, side * 3 // 4).convert("RGB"), form, exif=exif, xmp=XMP)


def place(gps: Mapping[int, Any], form: str = "JPEG") -> Any:
    return render(taken(gps, form), locate=True).facts.get("location")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_it_is_told_to_whoever_asked(form: str) -> None:
    assert place(PARIS, form) == SAID
    assert MediaFacts(location=SAID)
    assert "location" not in render(taken(PARIS, form)).facts


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({**PARIS, 1: "S", 3: "W"}, "-48.85826-002.29450/"),
        ({**PARIS, 1: "s\0", 3: "w"}, "-48.85826-002.29450/"),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, "+00.00000+000.00000/"),
        ({1: "N", 2: (90.0, 0.0, 0.0), 3: "W", 4: (180.0, 0.0, 0.0)}, "+90.00000-180.00000/"),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "W", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (9.0, 0.0, 0.0), 3: "W", 4: (181.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (48.0, 51.0, 29.0)}, None),
        ({**PARIS, GPS.GPSStatus: "V"}, None),
        ({**PARIS, 2: TiffImagePlugin.IFDRational(1, 0)}, None),
        ({**PARIS, 2: (TiffImagePlugin.IFDRational(1, 0), 0.0, 0.0)}, None),
        ({**PARIS, 2: (48.0,)}, None),
        ({}, None),
    ],
)
def test_what_is_no_place_is_not_told(gps: Mapping[int, Any], expected: str | None) -> None:
    assert place(gps) == expected


def secrets(outcome: Rendered) -> list[str]:
    """What the pictures of a preview hold beside the picture."""
    found = []
    for content in [*(one.content for one in outcome.pictures), outcome.placeholder]:
        with Image.open(io.BytesIO(content)) as picture:
            found += [name for name in picture.info if name in {"exif", "xmp", "comment", "icc_profile"}]
            found += [str(tag) for tag in picture.getexif()]
        found += [word.decode() for word in (b"Exif", b"GPS", b"Example", b"xmpmeta") if word in content]
    return found


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("drawn", ["WEBP", "JPEG"])
@pytest.mark.parametrize("locate", [True, False])
def test_no_preview_says_where(form: str, drawn: str, locate: bool) -> None:
    content = taken(PARIS, form)
    assert b"Example Works" in content
    outcome = render(content, SIZES, drawn, locate=locate)
    assert outcome.pictures
    assert secrets(outcome) == []
    assert secrets(render(content, (400,), drawn, square=True, locate=locate)) == []


async def test_a_child_tells_it_when_asked_and_makes_jpegs_of_pictures_that_say_nothing() -> None:
    children = Children(1, PATIENT)
    pictures: tuple[Picture, ...] = ()
    try:
        for locate in (True, False):
            outcome = await children.render(taken(PARIS, side=1600), SIZES, locate=locate)
            assert isinstance(outcome, Rendered)
            assert outcome.facts.get("location") == (SAID if locate else None)
            assert secrets(outcome) == []
            pictures = outcome.pictures
        assert len(pictures) == 3
        for picture in pictures:
            jpeg = await children.render(picture.content, (picture.box,), format="JPEG")
            assert isinstance(jpeg, Rendered)
            assert [(one.mime_type, one.width, one.height) for one in jpeg.pictures] == [
                ("image/jpeg", picture.width, picture.height)
            ]
            assert secrets(jpeg) == []
    finally:
        await children.stop()


async def test_a_see_through_picture_stands_on_white_as_jpeg() -> None:
    children = Children(1, PATIENT)
    try:
        clear = images.saved(Image.new("RGBA", (40, 30), (200, 0, 0, 0)), "WEBP")
        jpeg = await children.render(clear, (400,), format="JPEG")
    finally:
        await children.stop()
    assert isinstance(jpeg, Rendered)
    with Image.open(io.BytesIO(jpeg.smallest.content)) as picture:
        assert min(picture.convert("L").tobytes()) > 250
