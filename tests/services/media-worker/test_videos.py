"""A picture out of a film: which one, how it stands, how little of the file it takes, and what hostile films come to."""

import io
from collections.abc import Callable
from fractions import Fraction

import pytest
from PIL import Image, ImageStat

from coffer_media_worker import ffmpeg, imaging, videos
from coffer_media_worker.domain import PreviewFailure, Rendered
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import ImagingError
from factories import films, images, recordings

pytestmark = [
    pytest.mark.slow,  # encodes, decodes and renders
    pytest.mark.skipif(not films.PYAV, reason="PyAV is not installed"),
]

imaging.warm_up()
ffmpeg.warm_up()


class Counting:
    """A file in storage: what was asked of it, and how much."""

    def __init__(self, content: films.Repeated | bytes, most: int = 64 << 20) -> None:
        stored = films.Repeated(content, b"", 0, b"") if isinstance(content, bytes) else content
        self.ranges: list[tuple[int, int]] = []
        self._most = most
        self._bytes_of = stored.bytes_of
        self.file = Ranged(stored.size_bytes, self._fetch)

    def _fetch(self, first: int, last: int) -> bytes:
        self.ranges.append((first, last))
        if self.read > self._most:
            raise OverBudgetError("it would read more than it may")
        return self._bytes_of(first, last)

    @property
    def read(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


def made_of(content: bytes) -> Rendered:
    return Rendered.joined(list(videos.draw(Counting(content).file)))


def outcome_of(content: bytes) -> str:
    try:
        made = made_of(content)
    except ImagingError as refused:
        return refused.reason
    return "made" if made.pictures else "nothing"


def opened(made: Rendered, number: int = 0) -> Image.Image:
    picture = Image.open(io.BytesIO(made.pictures[number].content))
    picture.load()
    return picture.convert("RGB")


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    pixel = picture.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(one - other) <= 70 for one, other in zip(pixel, colour, strict=True))


def failure(content: bytes) -> PreviewFailure:
    with pytest.raises(ImagingError) as refused:
        made_of(content)
    return refused.value.reason


@pytest.mark.parametrize("container", films.FORMATS)
def test_every_kind_of_film_has_a_picture_and_its_length(container: str) -> None:
    made = made_of(films.film(container))
    picture = opened(made)
    assert near(picture, (5, 5), images.UP_RED)
    assert near(picture, (5, 215), images.UP_BLUE)
    assert (made.source_width, made.source_height) == (640, 360)
    assert [(one.width, one.height) for one in made.pictures] == [(400, 225), (640, 360)]
    assert made.facts["duration_milliseconds"] / 1000 == pytest.approx(2.0, abs=0.4)
    assert made.facts["video_codec"]
    assert made.placeholder


@pytest.mark.parametrize("codec", ["libsvtav1", "mpeg4"])
def test_other_codecs_are_read_as_well(codec: str) -> None:
    assert near(opened(made_of(films.film("mp4", codec))), (5, 5), images.UP_RED)


def test_darkness_at_the_beginning_is_passed_over() -> None:
    assert ImageStat.Stat(opened(made_of(films.after_darkness())).convert("L")).mean[0] > 40


def test_a_film_of_darkness_alone_has_a_dark_picture() -> None:
    assert ImageStat.Stat(opened(made_of(films.after_darkness(dark=20))).convert("L")).mean[0] < 10


@pytest.mark.parametrize("quarters", range(4))
def test_a_film_is_shown_upright(quarters: int) -> None:
    made = made_of(films.turned(films.film(), quarters))
    picture = opened(made)
    assert (made.source_width, made.source_height) == ((360, 640) if quarters % 2 else (640, 360))
    width, height = picture.size
    corner = [(4, 4), (width - 5, 4), (width - 5, height - 5), (4, height - 5)][quarters]
    assert near(picture, corner, images.UP_RED)


def test_pixels_that_are_not_square_are_drawn_as_they_are_shown() -> None:
    made = made_of(films.encoded([images.photo(360, 288)] * 5, shape=Fraction(16, 11)))
    assert (made.source_width, made.source_height) == (524, 288)
    assert opened(made).size == (400, 220)


def test_a_large_film_is_told_early_and_drawn_in_all_sizes() -> None:
    parts = list(videos.draw(Counting(films.film("mp4", None, (2560, 1440), 3)).file))
    assert [([one.width for one in part.pictures], part.more) for part in parts] == [([400], True), ([1024, 2048], False)]
    assert parts[1].source_width == 2560


def test_the_title_and_the_sound_are_told() -> None:
    made = made_of(films.encoded([images.photo(64, 64)] * 3, metadata={"title": "A\tFilm"}))
    assert made.facts["title"] == "A Film"


@pytest.mark.parametrize("container", ["mp4", "flv", "mpeg", "asf"])
def test_where_a_jump_would_take_too_many_bytes_the_beginning_is_shown(container: str) -> None:
    cards = [images.photo(640, 360, seed) for seed in range(3)]
    content = films.encoded([cards[frame // 20] for frame in range(60)], container, whole_every=10)
    stored = Counting(content, 300_000)
    stored.file.block = 64 << 10
    made = Rendered.joined(list(videos.draw(stored.file)))
    assert near(opened(made), (5, 5), images.UP_RED)


def test_where_even_the_beginning_takes_too_many_bytes_that_is_the_reason() -> None:
    with pytest.raises(OverBudgetError):
        list(videos.draw(Counting(films.film("mpegts", None, (1280, 720), 60), 10_000).file))


def test_a_film_without_pictures_is_heard() -> None:
    made = made_of(recordings.encoded("matroska", "libopus"))
    assert made.facts["waveform"]
    assert [picture.height for picture in made.pictures] == [160, 409]
    made = made_of(recordings.encoded("asf", "libmp3lame"))
    assert made.facts["title"] == "A Tone"


@pytest.mark.parametrize(("index_first", "requests"), [(True, 8), (False, 10)])
def test_two_gigabytes_are_read_in_few_requests(index_first: bool, requests: int) -> None:
    stored = Counting(films.two_gigabytes(index_first=index_first))
    made = Rendered.joined(list(videos.draw(stored.file)))
    assert stored.file.size >= 2 << 30
    assert (made.source_width, made.source_height) == (3840, 2160)
    assert made.facts["duration_milliseconds"] > 50_000
    assert len(stored.ranges) <= requests
    assert stored.read <= (7_700_000 if index_first else 8_200_000)


@pytest.mark.parametrize(("container", "requests", "read"), [("matroska", 3, 2.0), ("webm", 3, 2.0), ("mpegts", 6, 2.5)])
def test_other_containers_are_read_in_few_requests(container: str, requests: int, read: float) -> None:
    stored = Counting(films.film(container, None, (1280, 720), 60))
    list(videos.draw(stored.file))
    assert len(stored.ranges) <= requests
    assert stored.read <= read * (1 << 20)


@pytest.mark.parametrize(("index_first", "requests"), [(True, 3), (False, 4)])
def test_an_ordinary_film_is_read_in_few_requests(index_first: bool, requests: int) -> None:
    content = films.encoded([images.photo(1920, 1080)] * 6, rate=30, whole_every=6, qp="30")
    stored = Counting(films.repeated(content, 60, index_first=index_first))
    list(videos.draw(stored.file))
    assert stored.file.size > 8 << 20
    assert len(stored.ranges) <= requests
    assert stored.read <= 2 << 20


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", PreviewFailure.UNSUPPORTED),
        (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", PreviewFailure.UNSUPPORTED),
        (lambda: b"<?xml version='1.0'?><MPD><Period/></MPD>", PreviewFailure.UNSUPPORTED),
        (lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n", PreviewFailure.UNSUPPORTED),
        (lambda: images.bmff(b"isom"), PreviewFailure.CORRUPT),
        (lambda: images.bmff(b"qt  ") + b"#EXTM3U\nfile:///etc/passwd\n", PreviewFailure.CORRUPT),
        (films.vast, PreviewFailure.TOO_MANY_PIXELS),
        (lambda: b"\x1aE\xdf\xa3" + images.noise(5000), PreviewFailure.CORRUPT),
        (lambda: b"FLV\1" + images.noise(5000), PreviewFailure.CORRUPT),
        (bytes, PreviewFailure.UNSUPPORTED),
    ],
    ids=["m3u8", "ffconcat", "dash", "sdp", "ftyp alone", "ftyp and playlist", "vast", "ebml noise", "flv noise", "empty"],
)
def test_hostile_films_have_a_reason(make: Callable[[], bytes], reason: PreviewFailure) -> None:
    assert failure(make()) is reason


@pytest.mark.parametrize("container", films.FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.95])
def test_a_film_that_is_cut_short_has_what_is_there_or_is_corrupt(container: str, share: float) -> None:
    assert outcome_of(images.cut(films.film(container), share)) in {"made", PreviewFailure.CORRUPT, PreviewFailure.UNSUPPORTED}


def test_a_film_that_claims_to_be_vast_and_is_not_has_a_picture() -> None:
    assert near(opened(made_of(films.boasting())), (5, 5), images.UP_RED)


def test_a_film_that_lasts_no_time_has_a_picture() -> None:
    assert near(opened(made_of(films.endless())), (5, 5), images.UP_RED)


def test_a_film_that_points_to_another_file_does_not_open_it() -> None:
    content = films.film()
    at = content.index(b"url ") - 4
    elsewhere = content[: at + 8] + b"\0\0\0\0" + content[at + 12 :]  # not in this file, says the flag (ISO 14496-12 8.7.2)
    assert outcome_of(elsewhere) in {"made", PreviewFailure.CORRUPT}


def test_nothing_else_is_ever_opened() -> None:
    with pytest.raises(PermissionError):
        ffmpeg._refused("file:///etc/passwd", 1, {})


def test_without_its_decoder_a_film_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    content = films.film()
    monkeypatch.setattr(ffmpeg, "_av", None)
    assert failure(content) is PreviewFailure.UNSUPPORTED
