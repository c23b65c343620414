"""What is told of a picture besides its preview; where it was taken is not."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from PIL import ExifTags, Image

from coffer_contracts.media import MediaFacts
from coffer_media_worker.domain import SIZES
from coffer_media_worker.handlers.previewing import believed
from coffer_media_worker.imaging import render
from factories import images

pytestmark = pytest.mark.slow  # renders real pictures


def taken(detail: Mapping[str, str] = MappingProxyType({}), orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Example Works\0"
    exif[ExifTags.Base.Model] = "  Pocket\n 3 "
    told = {"DateTimeOriginal": "2024:02:29 23:59:58", "OffsetTimeOriginal": "+05:30", **detail}
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[name]: value for name, value in told.items() if value})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 51.0, 29.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_photograph_tells_when_and_with_what_it_was_taken_but_not_where(form: str) -> None:
    content = images.saved(images.photo(640, 480).convert("RGB"), form, exif=taken())
    facts = render(content, SIZES).facts
    assert facts == {
        "taken": "2024-02-29T23:59:58+05:30",
        "camera_make": "Example Works",
        "camera_model": "Pocket 3",
        "colour": facts["colour"],
        "dhash": facts["dhash"],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert believed(facts) == MediaFacts(**facts)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"OffsetTimeOriginal": ""}, "2024-02-29T23:59:58"),
        ({"OffsetTimeOriginal": "Z"}, "2024-02-29T23:59:58"),
        ({"DateTimeOriginal": "0000:00:00 00:00:00"}, None),
        ({"DateTimeOriginal": "    :  :     :  :  "}, None),
        ({"DateTimeOriginal": "yesterday"}, None),
        ({"DateTimeOriginal": ""}, None),
    ],
)
def test_a_camera_whose_clock_was_never_set_tells_no_time(detail: dict[str, str], expected: str | None) -> None:
    content = images.jpeg(64, 48, exif=taken(detail))
    assert render(content).facts.get("taken") == expected


def test_nothing_of_a_place_is_in_any_preview() -> None:
    made = render(images.jpeg(2400, 1800, exif=taken()), SIZES)
    assert len(made.pictures) == 3
    for picture in made.pictures:
        assert b"Exif" not in picture.content
        assert b"Example" not in picture.content


def test_alike_pictures_have_alike_hashes_and_others_have_not() -> None:
    def dhash(content: bytes) -> int:
        return int(render(content).facts["dhash"], 16)

    one = dhash(images.jpeg(1600, 1200))
    again = dhash(images.saved(images.photo(1600, 1200).resize((800, 600)).convert("RGB"), "PNG"))
    turned = dhash(
        images.saved(images.photo(1600, 1200).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=taken(orientation=6))
    )
    other = dhash(images.jpeg(1600, 1200, seed=5))
    assert (one ^ again).bit_count() <= 4
    assert (one ^ turned).bit_count() <= 4
    assert (one ^ other).bit_count() > 10


def test_the_mean_colour_is_that_of_the_picture() -> None:
    plain = images.saved(Image.new("RGB", (300, 200), (200, 100, 50)), "PNG")
    assert render(plain).facts["colour"] == "#c86432"


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF"])
def test_an_animation_tells_its_frames(form: str) -> None:
    frames = [images.photo(64, 48, seed).convert("RGB") for seed in range(4)]
    film = images.saved(frames[0], form, save_all=True, append_images=frames[1:])
    assert render(film).facts["frame_count"] == 4
    assert "frame_count" not in render(images.saved(frames[0], form)).facts


def test_what_was_not_read_as_a_whole_has_no_digest() -> None:
    facts = render(images.of_kind("jpeg")).facts
    assert len(facts["sha256"]) == 64


@pytest.mark.parametrize(
    "told",
    [{"taken": "now"}, {"colour": "red"}, {"frame_count": "4"}, {"camera_make": "x" * 101}, {"dhash": 5}, {"sha256": "0"}],
)
def test_a_child_that_tells_something_else_is_not_believed(told: dict[str, object]) -> None:
    assert believed({"colour": "#000000", **told}) is None


def test_facts_that_nobody_knows_are_passed_over() -> None:
    assert believed({"latitude": 48.0, "colour": "#000000"}) == MediaFacts(colour="#000000")
    assert believed({}) is None
    assert believed({"latitude": 48.0}) is None
