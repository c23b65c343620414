"""Previews from bytes, in process: right way up, right colours, and no patience for hostile files."""

import contextlib
import io
from collections.abc import Callable

import pytest
from PIL import Image

from coffer_media_worker.domain import PIXEL_LIMITS, PixelLimits, PreviewFailure
from coffer_media_worker.imaging import render
from coffer_media_worker.refusals import ImagingError, TooLargeError
from factories import images

pytestmark = pytest.mark.slow  # renders real pictures


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], within: int = 60) -> bool:
    pixel = picture.convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(one - other) <= within for one, other in zip(pixel, colour, strict=True))


def refusal(content: bytes, limits: PixelLimits = PIXEL_LIMITS) -> PreviewFailure:
    with pytest.raises(ImagingError) as raised:
        render(content, limits=limits)
    return raised.value.reason


@pytest.mark.parametrize("kind", images.KINDS)
def test_renders_every_kind_into_the_box_and_keeps_its_proportions(kind: str) -> None:
    made = render(images.of_kind(kind))
    assert (made.smallest.width, made.smallest.height, made.source_width, made.source_height) == (400, 300, 640, 480)
    picture = opened(made.smallest.content)
    assert (picture.format, picture.size, made.smallest.mime_type) == ("WEBP", (400, 300), "image/webp")
    assert len(made.smallest.content) < 50_000
    tiny = opened(made.placeholder)
    assert (tiny.format, tiny.size) == ("WEBP", (16, 12))
    assert len(made.placeholder) < 400


@pytest.mark.parametrize("kind", [kind for kind in images.KINDS if not {"grey", "bilevel", "profile"} & set(kind.split())])
def test_keeps_colours_and_what_is_up(kind: str) -> None:
    picture = opened(render(images.of_kind(kind)).smallest.content)
    assert near(picture, (20, 20), images.UP_RED)
    assert near(picture, (15, 285), images.UP_BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_a_picture_as_its_exif_says(orientation: int) -> None:
    upright = images.photo(640, 480)
    turn_back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the camera's position amounts to
    stored = upright.transpose(Image.Transpose(turn_back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = render(images.saved(stored, "JPEG", quality=92, exif=exif))
    assert (made.smallest.width, made.smallest.height, made.source_width, made.source_height) == (400, 300, 640, 480)
    picture = opened(made.smallest.content)
    assert near(picture, (20, 20), images.UP_RED)
    assert near(picture, (15, 285), images.UP_BLUE)


def test_damaged_exif_and_profiles_do_not_cost_the_preview() -> None:
    for name, value in (("exif", b"Exif\0\0MM\0*\xff\xff\xff\xff"), ("icc_profile", b"no profile" * 50)):
        damaged = images.saved(images.photo(64, 64), "JPEG", **{name: value})
        assert render(damaged).smallest.width == 64


def test_converts_another_colour_space_to_srgb() -> None:
    plain, swapped = (opened(render(images.of_kind(kind)).smallest.content) for kind in ("jpeg", "jpeg profile"))
    assert near(plain, (20, 20), images.UP_RED)
    assert not near(swapped, (20, 20), images.UP_RED)


def test_keeps_transparency() -> None:
    for kind in ("png alpha", "png grey alpha", "avif alpha"):
        picture = opened(render(images.of_kind(kind)).smallest.content)
        assert picture.mode == "RGBA"
        mask = picture.getchannel("A").tobytes()
        assert (min(mask) < 10, max(mask) > 245) == (True, True)
    clear = images.saved(Image.new("P", (8, 8)), "GIF", transparency=0)
    assert opened(render(clear).smallest.content).getchannel("A").getextrema() == (0, 0)


def test_16_bit_grey_is_neither_white_nor_black() -> None:
    wide, plain = (opened(render(images.of_kind(kind)).smallest.content).convert("L") for kind in ("png grey 16", "jpeg grey"))
    for at in ((200, 150), (15, 285), (300, 30)):
        one, other = wide.getpixel(at), plain.getpixel(at)
        assert isinstance(one, int)
        assert isinstance(other, int)
        assert abs(one - other) < 12


def test_draws_the_first_frame_only() -> None:
    assert render(images.of_kind("gif animated")).smallest.content == render(images.of_kind("gif")).smallest.content


def test_never_enlarges() -> None:
    made = render(images.jpeg(40, 30))
    assert (made.smallest.width, made.smallest.height) == (40, 30)
    assert render(images.jpeg(1, 1)).smallest.width == 1


def test_extreme_shapes_keep_at_least_one_pixel() -> None:
    made = render(images.saved(Image.new("RGB", (6000, 2)), "PNG"))
    assert (made.smallest.width, made.smallest.height) == (400, 1)


def test_draws_a_large_progressive_picture_from_its_first_scan() -> None:
    made, slow = render(images.twelve_megapixels(progressive=True)), render(images.twelve_megapixels())
    assert (made.smallest.width, made.smallest.height, made.source_width, made.source_height) == (400, 300, 4000, 3000)
    for at in ((20, 20), (15, 285), (200, 150), (350, 50)):
        pixel = opened(slow.smallest.content).convert("RGB").getpixel(at)
        assert isinstance(pixel, tuple)
        assert near(opened(made.smallest.content), at, (int(pixel[0]), int(pixel[1]), int(pixel[2])), 25)


def test_makes_jpeg_on_white_when_asked() -> None:
    made = render(images.of_kind("png alpha"), format="JPEG")
    assert (made.smallest.mime_type, opened(made.smallest.content).format) == ("image/jpeg", "JPEG")
    assert near(opened(made.smallest.content), (395, 150), (255, 255, 255), 12) or near(
        opened(made.smallest.content), (5, 150), (255, 255, 255), 12
    )


def test_nothing_of_the_original_travels_along() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    content = images.jpeg(64, 64, exif=exif, comment=b"secret comment", icc_profile=images.other_profile())
    assert b"secret" in content
    for form in ("WEBP", "JPEG"):
        made = render(content + b"secret trailer", format=form).smallest.content
        assert b"secret" not in made
        assert b"acsp" not in made


def test_a_film_that_breaks_off_behind_its_first_frame_still_has_a_preview() -> None:
    for kind in ("gif animated", "tiff pages"):
        assert render(images.cut(images.of_kind(kind), 0.5)).smallest.width == 400


@pytest.mark.parametrize("kind", [kind for kind in images.KINDS if kind not in {"gif animated", "tiff pages"}])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_corrupt(kind: str, share: float) -> None:
    assert refusal(images.cut(images.of_kind(kind), share)) is PreviewFailure.CORRUPT


def test_a_truncated_large_progressive_picture_is_corrupt() -> None:
    assert refusal(images.cut(images.twelve_megapixels(progressive=True), 0.5)) is PreviewFailure.CORRUPT


@pytest.mark.parametrize("content", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP"])
def test_a_lone_signature_is_corrupt(content: bytes) -> None:
    assert refusal(content) is PreviewFailure.CORRUPT
    assert refusal(content + images.noise(5000)) in {PreviewFailure.CORRUPT, PreviewFailure.BOMB}


@pytest.mark.parametrize("content", [b"", b"MZ", images.noise(5000), images.pdf(), images.bmff(b"isom"), b"%!PS\n"])
def test_other_formats_are_unsupported(content: bytes) -> None:
    assert refusal(content) is PreviewFailure.UNSUPPORTED


@pytest.mark.parametrize("form", ["EPS", "PPM", "ICO", "JPEG2000", "TGA", "PCX"])
def test_decoders_outside_the_list_are_never_reached(form: str) -> None:
    assert refusal(images.saved(images.photo(64, 64).convert("RGB"), form)) is PreviewFailure.UNSUPPORTED


@pytest.mark.parametrize(
    "bomb",
    [images.png_bomb, images.gif_bomb, images.gif_with_wide_frame, images.many_scans],
    ids=["png", "gif screen", "gif frame", "scans"],
)
def test_a_bomb_is_refused_before_decoding(bomb: Callable[[], bytes]) -> None:
    assert refusal(bomb()) is PreviewFailure.BOMB


def test_too_many_pixels_for_an_honest_picture_is_told_apart_from_a_bomb() -> None:
    assert refusal(images.of_kind("png"), limits=PixelLimits(other=1000)) is PreviewFailure.TOO_MANY_PIXELS
    assert refusal(images.of_kind("jpeg"), limits=PixelLimits(jpeg=1000)) is PreviewFailure.TOO_MANY_PIXELS
    assert (
        refusal(images.of_kind("jpeg progressive"), limits=PixelLimits(progressive_jpeg=1000)) is PreviewFailure.TOO_MANY_PIXELS
    )
    assert render(images.of_kind("jpeg"), limits=PixelLimits(progressive_jpeg=1000)).smallest.width == 400


def test_scan_marks_behind_a_picture_do_not_count() -> None:
    assert render(images.of_kind("jpeg progressive") + b"\xff\xda" * 1000).smallest.width == 400


def test_damage_anywhere_ends_in_a_preview_or_a_reason() -> None:
    for kind, content in images.every_kind(48, 36).items():
        for seed in range(15):
            damaged = bytearray(content)
            spots = images.noise(16, seed)
            for at, value in zip(spots[:8], spots[8:], strict=True):
                damaged[(at * 97) % len(damaged)] = value
            # Anything but an ImagingError would escape and fail the test.
            with contextlib.suppress(ImagingError):
                assert render(bytes(damaged)).smallest.width <= 400, kind


def test_output_stays_within_its_budget_even_for_noise() -> None:
    noise = Image.frombytes("RGBA", (1500, 1500), images.noise(1500 * 1500 * 4))
    made = render(images.saved(noise, "PNG"), boxes=(600,))
    assert len(made.smallest.content) <= 256 << 10
    assert len(made.placeholder) <= 768
    with pytest.raises(TooLargeError):
        render(images.saved(noise, "PNG"), boxes=(1500,))
