"""Several sizes of one picture: which there are, in which order they come, and how much of the file they read."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from coffer_media_worker import formats, imaging
from coffer_media_worker.domain import JOB_LIMITS, SIZES, PreviewFailure, Rendered
from coffer_media_worker.imaging import draw, render
from coffer_media_worker.ranged import Ranged
from coffer_media_worker.refusals import CorruptError, ImagingError
from factories import heic, images

pytestmark = pytest.mark.slow  # renders real pictures

formats.warm_up()
HEIF = "HEIF" not in formats.missing()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], within: int = 60) -> bool:
    pixel = picture.convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(one - other) <= within for one, other in zip(pixel, colour, strict=True))


def sizes(made: Rendered) -> list[tuple[int, int, int]]:
    return [(picture.box, picture.width, picture.height) for picture in made.pictures]


class Counting:
    """A file in storage: what was asked of it, and how much."""

    def __init__(self, content: bytes, known: int = 0) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []
        self.file = Ranged(len(content), self._fetch, [(0, content[:known])])

    def _fetch(self, first: int, last: int) -> bytes:
        self.ranges.append((first, last))
        return self.content[first : last + 1]

    @property
    def read(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((120, 90), [(400, 120, 90)]),
        ((400, 300), [(400, 400, 300)]),
        ((640, 480), [(400, 400, 300), (1024, 640, 480)]),
        ((1024, 768), [(400, 400, 300), (1024, 1024, 768)]),
        ((1500, 1000), [(400, 400, 267), (1024, 1024, 683), (2048, 1500, 1000)]),
        ((3000, 1200), [(400, 400, 160), (1024, 1000, 400), (2048, 2048, 819)]),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_there_are_as_many_sizes_as_show_more_and_nothing_is_enlarged(
    size: tuple[int, int], expected: list[tuple[int, int, int]], form: str
) -> None:
    made = render(images.saved(images.photo(*size).convert("RGB"), form), SIZES)
    assert sizes(made) == expected
    assert (made.source_width, made.source_height) == size
    for picture in made.pictures:
        shown = opened(picture.content)
        assert shown.size == (picture.width, picture.height)
        assert near(shown, (picture.width // 40, picture.height // 40), images.UP_RED)
        assert near(shown, (picture.width // 40, picture.height * 39 // 40), images.UP_BLUE)


@pytest.mark.parametrize("progressive", [False, True])
def test_of_a_large_photograph_the_small_picture_comes_first_and_alone(progressive: bool) -> None:
    first, *others = draw(images.twelve_megapixels(progressive=progressive), SIZES)
    assert sizes(first) == [(400, 400, 300)]
    assert first.placeholder
    made = Rendered.joined([first, *others])
    assert sizes(made) == [(400, 400, 300), (1024, 1000, 750), (2048, 2000, 1500)]
    assert (made.source_width, made.source_height) == (4000, 3000)
    assert made.placeholder == first.placeholder


def test_of_a_small_picture_all_sizes_come_at_once() -> None:
    assert [sizes(part) for part in draw(images.jpeg(640, 480), SIZES)] == [[(400, 400, 300), (1024, 640, 480)]]


@pytest.mark.parametrize("kind", ["jpeg", "jpeg progressive", "jpeg profile", "jpeg cmyk"])
def test_all_sizes_show_the_same(kind: str) -> None:
    made = render(images.of_kind(kind, 2400, 1800), SIZES)
    small = opened(made.pictures[0].content).convert("RGB")
    for picture in made.pictures[1:]:
        other = opened(picture.content).convert("RGB").resize(small.size, Image.Resampling.BOX)
        for at in ((30, 30), (200, 150), (380, 280), (20, 285)):
            pixel = small.getpixel(at)
            assert isinstance(pixel, tuple)
            assert near(other, at, (int(pixel[0]), int(pixel[1]), int(pixel[2])), 30), (picture.box, at)


@pytest.mark.parametrize("orientation", [3, 6])
def test_every_size_is_upright(orientation: int) -> None:
    turn_back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = images.photo(3600, 2400).transpose(turn_back[orientation])
    made = render(images.saved(stored, "JPEG", exif=exif), SIZES)
    assert sizes(made) == [(400, 400, 267), (1024, 900, 600), (2048, 1800, 1200)] or len(made.pictures) == 3
    assert (made.source_width, made.source_height) == (3600, 2400)
    for picture in made.pictures:
        assert near(opened(picture.content), (picture.width // 40, picture.height // 40), images.UP_RED)
        assert max(picture.width, picture.height) == picture.width


def test_each_size_keeps_to_its_budget_even_of_noise() -> None:
    noise = images.saved(Image.frombytes("RGB", (2048, 2048), images.noise(2048 * 2048 * 3)), "PNG")
    made = render(noise, SIZES)
    assert [picture.box for picture in made.pictures] == [400, 1024], "one that passes its budget is left out"
    for picture in made.pictures:
        assert len(picture.content) <= JOB_LIMITS.output_of(picture.box)
    assert [JOB_LIMITS.output_of(box) >> 10 for box in (*SIZES, 65_535)] == [256, 256, 1024, 1024]


def test_a_truncated_progressive_photograph_is_corrupt_before_anything_is_shown() -> None:
    with pytest.raises(CorruptError):
        next(draw(images.cut(images.twelve_megapixels(progressive=True), 0.5), SIZES))


def test_the_first_scan_alone_is_read_for_the_small_picture() -> None:
    stored = Counting(images.twelve_megapixels(progressive=True))
    next(draw(stored.file, SIZES))
    assert len(stored.ranges) <= 3
    assert stored.read < 600_000 < len(stored.content) // 4


def test_a_film_is_read_as_far_as_its_first_frame() -> None:
    frame = images.gif(320, 240, 2)
    film = frame[:-1] + images.noise(5_000_000) + b";"
    stored = Counting(film)
    made = render(stored.file, SIZES)
    assert sizes(made) == [(400, 320, 240)]
    assert "sha256" not in made.facts
    assert len(stored.ranges) == 1
    assert stored.read == 256 * 1024


def test_a_giant_tiff_is_refused_by_its_header() -> None:
    header = bytearray(images.tiff(8, 8))
    for tag in (256, 257):
        at = next(found for found in range(8, len(header)) if header[found : found + 2] == tag.to_bytes(2, "little"))
        header[at : at + 12] = tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + (13_000).to_bytes(4, "little")
    stored = Counting(bytes(header) + bytes(50_000_000))
    with pytest.raises(ImagingError) as refused:
        render(stored.file, SIZES)
    assert refused.value.reason is PreviewFailure.TOO_MANY_PIXELS
    assert len(stored.ranges) == 1
    assert stored.read <= 256 * 1024


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "tiff deflate", "bmp"])
def test_other_pictures_are_read_once_in_few_requests(kind: str) -> None:
    stored = Counting(images.of_kind(kind, 1600, 1200))
    made = render(stored.file, SIZES)
    assert made.pictures == render(stored.content, SIZES).pictures
    assert stored.read == len(stored.content)
    assert len(stored.ranges) <= 6


@pytest.mark.parametrize("kind", images.KINDS)
def test_reading_by_ranges_draws_the_same(kind: str) -> None:
    content = images.of_kind(kind)
    by_ranges, whole = render(Counting(content, 1000).file), render(content)
    assert by_ranges == whole
    assert "sha256" in whole.facts


@pytest.mark.skipif(not HEIF, reason="pi-heif is not installed")
@pytest.mark.parametrize("quarters", range(5))
def test_a_heic_picture_is_drawn_upright(quarters: int) -> None:
    # The fifth is one without a turn of its own.
    made = render(heic.turned(quarters) if quarters < 4 else heic.UPRIGHT)
    picture = opened(made.smallest.content)
    assert picture.size == (made.source_width, made.source_height) == ((48, 64) if quarters in {1, 3} else (64, 48))
    red = {0: (3, 2), 1: (2, 60), 2: (60, 45), 3: (45, 3), 4: (3, 2)}[quarters]
    blue = {0: (3, 45), 1: (45, 60), 2: (60, 3), 3: (3, 3), 4: (3, 45)}[quarters]
    assert near(picture, red, images.UP_RED, 70)
    assert near(picture, blue, images.UP_BLUE, 70)


@pytest.mark.skipif(not HEIF, reason="pi-heif is not installed")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (heic.bomb, PreviewFailure.BOMB),
        (lambda: images.cut(heic.UPRIGHT, 0.8), PreviewFailure.CORRUPT),
        (lambda: images.bmff(b"heic"), PreviewFailure.CORRUPT),
    ],
)
def test_a_bad_heic_picture_has_a_reason(content: Callable[[], bytes], reason: PreviewFailure) -> None:
    with pytest.raises(ImagingError) as refused:
        render(content())
    assert refused.value.reason is reason


def test_without_its_decoder_a_heic_picture_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_heif", None)
    assert formats.missing() == ("HEIF",)
    with pytest.raises(ImagingError) as refused:
        imaging.render(heic.UPRIGHT)
    assert refused.value.reason is PreviewFailure.UNSUPPORTED
