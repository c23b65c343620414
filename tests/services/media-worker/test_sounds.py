"""What is told and drawn of recordings: their names, their cover, their waveform, however little of them is whole."""

import base64
import io
import itertools
import re
from collections.abc import Callable

import pytest
from PIL import Image

from coffer_media_worker import ffmpeg, imaging, sounds
from coffer_media_worker.domain import JOB_LIMITS, PreviewFailure, Rendered
from coffer_media_worker.limits import SOUND_LIMITS
from coffer_media_worker.ranged import Ranged
from coffer_media_worker.refusals import ImagingError
from factories import films, images, recordings

pytestmark = pytest.mark.slow  # decodes and renders

imaging.warm_up()
ffmpeg.warm_up()
with_pyav = pytest.mark.skipif(not films.PYAV, reason="PyAV is not installed")


class Counting:
    """A file in storage: what was asked of it, and how much."""

    def __init__(self, content: bytes) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.content = content
        self.file = Ranged(len(content), self._fetch)

    def _fetch(self, first: int, last: int) -> bytes:
        self.ranges.append((first, last))
        return self.content[first : last + 1]

    @property
    def read(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


def made_of(content: bytes) -> Rendered:
    return Rendered.joined(list(sounds.draw(Counting(content).file)))


def outcome_of(content: bytes) -> str:
    try:
        made = made_of(content)
    except ImagingError as refused:
        return refused.reason
    return "made" if made.pictures or made.facts else "nothing"


def points(made: Rendered) -> bytes:
    return base64.b64decode(made.facts["waveform"])


def grows(made: Rendered) -> bool:
    told = points(made)
    tenths = [max(told[len(told) * tenth // 10 : len(told) * (tenth + 1) // 10]) for tenth in range(10)]
    return all(10 < later - earlier < 40 for earlier, later in itertools.pairwise(tenths)) and tenths[-1] > 220


def test_a_wav_file_has_a_waveform_as_numbers_and_as_a_picture() -> None:
    made = made_of(recordings.wav())
    assert grows(made)
    assert len(points(made)) == 800
    assert made.facts["waveform_milliseconds"] == made.facts["duration_milliseconds"] == 2000
    assert [(picture.box, picture.width, picture.height) for picture in made.pictures] == [(400, 400, 160), (1024, 1024, 409)]
    assert made.placeholder
    assert made.source_width is None
    drawn = Image.open(io.BytesIO(made.pictures[0].content))
    ink = [sum(drawn.getchannel("A").crop((left, 0, left + 40, 160)).tobytes()) for left in (0, 160, 360)]
    assert ink[0] < ink[1] < ink[2]


@pytest.mark.parametrize("kind", ["u8", "s24", "s32", "f32", "f64", "extensible", "rf64"])
def test_every_kind_of_plain_wav_is_read_without_a_decoder(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "_av", None)
    assert grows(made_of(recordings.wav_of(kind)))


def test_a_wav_file_that_was_cut_short_tells_what_is_there() -> None:
    made = made_of(images.cut(recordings.wav(), 0.5))
    assert made.facts["waveform_milliseconds"] / 1000 == pytest.approx(1.0, abs=0.01)


def test_three_bytes_of_sound_are_no_recording() -> None:
    assert outcome_of(b"\xff\xf1L@$\x1f\xfc" + bytes(40)) in {PreviewFailure.CORRUPT, PreviewFailure.UNSUPPORTED}


@with_pyav
def test_a_length_that_is_guessed_from_the_beginning_gives_way_to_what_was_heard() -> None:
    quiet, loud = images.mp3() * 20, (b"\xff\xfb\xe0\x64" + bytes(1040)) * 160  # 128 and 320 kbit/s
    made = made_of(recordings.id3(recordings.NAMES) + quiet + loud)
    assert made.facts["duration_milliseconds"] / 1000 == pytest.approx(320 * 1152 / 44_100, abs=0.1)


def test_silence_is_a_flat_line() -> None:
    made = made_of(recordings.riff(b"\1\0\1\0" + (8000).to_bytes(4, "little") * 2 + b"\2\0\x10\0", bytes(8000)))
    assert set(points(made)) == {0}
    assert made.pictures


@with_pyav
@pytest.mark.parametrize("container", recordings.FORMATS)
def test_every_kind_of_recording_has_its_waveform(container: str) -> None:
    made = made_of(recordings.encoded(container))
    assert grows(made)
    assert made.facts["duration_milliseconds"] / 1000 == pytest.approx(2.0, abs=0.1)
    assert made.facts["waveform_milliseconds"] / 1000 == pytest.approx(2.0, abs=0.1)
    if container not in {"adts", "aiff"}:
        assert {name: made.facts[name] for name in recordings.NAMES} == recordings.NAMES


@with_pyav
@pytest.mark.parametrize("container", ["flac", "adts"])
def test_names_before_another_kind_of_recording_do_not_hide_it(container: str) -> None:
    made = made_of(recordings.id3({"title": "Before"}) + recordings.encoded(container))
    assert made.facts["title"] == "Before"
    assert grows(made)


@pytest.mark.parametrize("make", [recordings.mp3, recordings.flac], ids=["mp3", "flac"])
def test_a_cover_is_the_picture_and_comes_first(make: Callable[..., bytes]) -> None:
    parts = list(sounds.draw(Counting(make(cover=images.jpeg(1200, 1200))).file))
    assert [(picture.box, picture.width) for picture in parts[0].pictures] == [(400, 400)]
    assert parts[0].more
    made = Rendered.joined(parts)
    assert [picture.width for picture in made.pictures] == [400, 1024, 1200]
    assert {name: made.facts[name] for name in recordings.NAMES} == recordings.NAMES
    assert re.fullmatch("#[0-9a-f]{6}", made.facts["colour"])
    assert not {"sha256", "taken", "camera_make"} & made.facts.keys()  # the cover's, not the recording's
    assert made.source_width is None


@pytest.mark.parametrize(
    "cover",
    [
        images.png_bomb,
        lambda: images.many_scans(150),
        lambda: images.cut(images.jpeg()),
        lambda: images.noise(1000),
        images.gif_bomb,
    ],
    ids=["png bomb", "scans", "cut", "noise", "gif bomb"],
)
def test_a_bad_cover_costs_only_the_cover(cover: Callable[[], bytes]) -> None:
    made = made_of(recordings.mp3(cover=cover()))
    assert made.facts["title"] == "A Tone"
    assert [picture.height for picture in made.pictures] == ([160, 409] if films.PYAV else [])


def test_a_cover_beyond_the_limit_costs_only_the_cover() -> None:
    made = made_of(recordings.mp3(cover=images.jpeg() + bytes(SOUND_LIMITS.cover_bytes)))
    assert made.facts["title"] == "A Tone"


@pytest.mark.parametrize("make", [recordings.many_tags, recordings.many_titles])
def test_ten_thousand_tags_are_read_and_one_is_told(make: Callable[[], bytes]) -> None:
    made = made_of(make())
    assert made.facts["title"] == "A Tone"
    assert len(str(made.facts)) < 4000


def test_names_are_one_line_of_bounded_length() -> None:
    facts = made_of(recordings.mp3({"title": "a\nb\x07" + "c" * 5000, "artist": "\n", "album": "x"})).facts
    assert facts["title"] == "a b " + "c" * 196
    assert "artist" not in facts


def test_without_a_decoder_what_the_file_says_is_told_and_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "_av", None)
    made = made_of(recordings.mp3())
    assert made.pictures == ()
    assert {name: made.facts[name] for name in recordings.NAMES} == recordings.NAMES
    assert made.facts["duration_milliseconds"] / 1000 == pytest.approx(400 * 0.026, abs=0.1)


def test_without_a_decoder_what_says_nothing_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "_av", None)
    with pytest.raises(ImagingError) as refused:
        made_of(recordings.wav_of("adpcm")[:40] + b"AMR")
    assert refused.value.reason is PreviewFailure.UNSUPPORTED


@with_pyav
@pytest.mark.parametrize("container", recordings.FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_recording_that_is_cut_short_tells_what_is_there_or_is_corrupt(container: str, share: float) -> None:
    outcome = outcome_of(images.cut(recordings.encoded(container), share))
    assert outcome in {"made", PreviewFailure.CORRUPT, PreviewFailure.UNSUPPORTED}


@pytest.mark.parametrize("content", [b"", b"ID3", b"fLaC", b"RIFF\0\0\0\0WAVE", b"OggS\0" + bytes(40), b"FORM\0\0\0\0AIFF"])
def test_only_a_beginning_is_no_recording(content: bytes) -> None:
    with pytest.raises(ImagingError) as refused:
        made_of(content)
    assert refused.value.reason in {PreviewFailure.CORRUPT, PreviewFailure.UNSUPPORTED}


def test_a_long_wav_file_is_looked_into_at_many_places_only() -> None:
    form = b"\1\0\1\0" + (48000).to_bytes(4, "little") + (96000).to_bytes(4, "little") + b"\2\0\x10\0"
    stored = Counting(recordings.riff(form, bytes(96000 * 890) + b"\xff\x7f" * 48000 * 10))
    made = Rendered.joined(list(sounds.draw(stored.file)))
    assert len(points(made)) == 800
    assert points(made)[-1] > 250
    assert set(points(made)[:780]) == {0}
    assert made.facts["waveform_milliseconds"] == made.facts["duration_milliseconds"] == 900_000
    assert stored.read < 60 << 20 < JOB_LIMITS.source_bytes
    assert len(stored.ranges) <= 210


@with_pyav
def test_of_an_hour_the_first_twenty_minutes_are_drawn_and_the_whole_is_timed() -> None:
    stored = Counting(recordings.hour())
    made = Rendered.joined(list(sounds.draw(stored.file)))
    assert made.facts["waveform_milliseconds"] / 1000 == pytest.approx(1200, abs=1)
    assert made.facts["duration_milliseconds"] / 1000 == pytest.approx(3615, abs=10)
    assert stored.read < 24 << 20
    assert len(stored.ranges) <= 12


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (lambda: recordings.mp3(cover=images.jpeg(300, 300)) + bytes(4 << 20), 2),
        (lambda: recordings.flac() + bytes(4 << 20), 1),
        (lambda: recordings.wav(200), 3),
    ],
    ids=["mp3", "flac", "wav"],
)
def test_names_and_length_cost_one_to_three_requests(content: Callable[[], bytes], most: int) -> None:
    from coffer_media_worker import tags  # noqa: PLC0415 what `sounds` uses first

    stored = Counting(content())
    told = tags.read(stored.file, ffmpeg.recognise(stored.file))
    assert told.seconds
    assert len(stored.ranges) <= most
    assert stored.read <= 600 << 10
