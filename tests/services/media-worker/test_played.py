"""Films and recordings in the jail: what comes of them there, whatever is wrong with them, and how little is fetched."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from coffer_media_worker import ffmpeg, kinds
from coffer_media_worker.children import Children
from coffer_media_worker.domain import JOB_LIMITS, SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers.previewing import believed
from coffer_media_worker.limits import SOUND_LIMITS
from factories import films, images, recordings
from factories.children import PATIENT

with_pyav = pytest.mark.skipif(not films.PYAV, reason="PyAV is not installed")
slow = pytest.mark.slow  # real children


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    pool = Children(2, PATIENT)
    await pool.start()
    yield pool
    await pool.stop()


@dataclass(slots=True)
class Fetched:
    """A file in storage, of which only some is fetched."""

    stored: films.Repeated
    requests: int = 0
    read_bytes: int = 0
    known: bytes = b""

    @property
    def size_bytes(self) -> int:
        return self.stored.size_bytes

    async def read_range(self, first: int, last: int) -> bytes:
        self.requests += 1
        self.read_bytes += last - first + 1
        return self.stored.bytes_of(first, last)


async def played(children: Children, content: bytes, task: str = "video") -> PreviewOutcome:
    return await children.render(content, SIZES, task=task)


def test_what_is_played_is_what_can_be_opened() -> None:
    asked = {mime for mime, treated in kinds.TREATMENTS.items() if treated in {kinds.FILMS, kinds.RECORDINGS}}
    assert asked == set(ffmpeg.CONTAINERS)


def test_names_and_a_cover_and_a_waveform_are_within_what_a_job_may_read() -> None:
    # Names are read twice, the second time with the cover.
    assert SOUND_LIMITS.wave_bytes + SOUND_LIMITS.cover_bytes + SOUND_LIMITS.tag_bytes <= JOB_LIMITS.source_bytes


@slow
@with_pyav
@pytest.mark.parametrize("container", films.FORMATS)
async def test_every_kind_of_film_is_played_in_the_jail(children: Children, container: str) -> None:
    made = await played(children, films.film(container))
    assert isinstance(made, Rendered), made
    assert [(picture.box, picture.width) for picture in made.pictures] == [(400, 400), (1024, 640)]
    assert believed(made.facts) is not None


@slow
@with_pyav
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "libvpx-vp9"])
async def test_4k_is_played_within_the_memory_of_a_job(children: Children, codec: str) -> None:
    made = await played(children, films.film("mp4", codec, (3840, 2160), 3))
    assert isinstance(made, Rendered), made
    assert [picture.width for picture in made.pictures] == [400, 1024, 2048]


@slow
@pytest.mark.parametrize("container", ["wav", *(pytest.param(name, marks=with_pyav) for name in recordings.FORMATS)])
async def test_every_kind_of_recording_is_played_in_the_jail(children: Children, container: str) -> None:
    content = recordings.wav() if container == "wav" else recordings.encoded(container)
    made = await played(children, content, "audio")
    assert isinstance(made, Rendered), made
    assert [(picture.box, picture.width) for picture in made.pictures] == [(400, 400), (1024, 1024)]
    facts = believed(made.facts)
    assert facts is not None
    assert facts.waveform
    assert facts.duration_milliseconds == pytest.approx(2000, abs=100)


@slow
async def test_a_cover_is_told_before_the_waveform_is_made(children: Children) -> None:
    told: list[Rendered] = []

    async def early(part: Rendered) -> None:
        told.append(part)

    content = recordings.mp3(cover=images.jpeg(500, 500), frames=8_000)
    made = await children.render(content, SIZES, task="audio", early=early)
    assert isinstance(made, Rendered), made
    assert [picture.width for picture in told[0].pictures] == [400, 500]
    assert told[0].facts["title"] == "A Tone"
    assert ("waveform" in made.facts) == films.PYAV


@slow
async def test_names_of_any_letters_fit_into_an_answer(children: Children) -> None:
    names = dict.fromkeys(recordings.NAMES, "\N{MUSICAL SYMBOL G CLEF}" * 300)
    made = await played(children, recordings.mp3(names), "audio")
    assert isinstance(made, Rendered), made
    assert {made.facts[name] for name in names} == {"\N{MUSICAL SYMBOL G CLEF}" * 200}
    assert believed(made.facts) is not None


@slow
@with_pyav
@pytest.mark.parametrize(("index_first", "requests"), [(True, 8), (False, 10)])
async def test_two_gigabytes_take_few_requests(children: Children, index_first: bool, requests: int) -> None:
    stored = Fetched(films.two_gigabytes(index_first=index_first))
    made = await children.render(stored, SIZES, task="video")
    assert isinstance(made, Rendered), made
    assert stored.requests <= requests
    assert stored.read_bytes <= (7_700_000 if index_first else 8_200_000)


@slow
@pytest.mark.parametrize(
    ("make", "task", "reasons"),
    [
        (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "video", {"unsupported"}),
        (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", "video", {"unsupported"}),
        (lambda: images.noise(100_000), "video", {"unsupported"}),
        (lambda: images.noise(100_000), "audio", {"unsupported"}),
        (images.jpeg, "video", {"unsupported"}),
        (bytes, "audio", {"unsupported"}),
        (lambda: images.bmff(b"isom"), "video", {"corrupt", "unsupported"}),
        (lambda: b"fLaC" + bytes(100), "audio", {"corrupt", "unsupported"}),
        (lambda: recordings.riff(b"\1\0\1\0" + bytes(12), b"\0" * 100), "audio", {"corrupt", "unsupported"}),
    ],
    ids=["m3u8", "ffconcat", "noise film", "noise sound", "jpeg", "empty", "ftyp", "flac", "wav of rate 0"],
)
async def test_hostile_files_have_a_reason(
    children: Children, make: Callable[[], bytes], task: str, reasons: set[PreviewFailure]
) -> None:
    made = await played(children, make(), task)
    assert isinstance(made, PreviewFailed), made
    assert made.reason in reasons


@slow
@pytest.mark.parametrize("about", films.HOSTILE)
@pytest.mark.parametrize("task", ["video", "audio"])
async def test_hostile_films_cost_only_the_job(children: Children, about: str, task: str) -> None:
    await suffered(children, films.HOSTILE[about](), task)


@slow
@pytest.mark.parametrize("about", recordings.HOSTILE)
@pytest.mark.parametrize("task", ["video", "audio"])
async def test_hostile_recordings_cost_only_the_job(children: Children, about: str, task: str) -> None:
    await suffered(children, recordings.HOSTILE[about](), task)


def damaged(content: bytes, seed: int) -> bytes:
    """Some bytes are others, some are missing, some are there twice."""
    dice = random.Random(seed)
    made = bytearray(content)
    for _ in range(dice.randrange(1, 40)):
        made[dice.randrange(len(made))] = dice.randrange(256)
    if dice.random() < 0.5:
        at, length = dice.randrange(len(made)), dice.randrange(1, 5000)
        made[at : at + length] = made[dice.randrange(len(made)) :][:length] if dice.random() < 0.5 else b""
    return bytes(made[: dice.randrange(len(made))]) if dice.random() < 0.3 else bytes(made)


async def suffered(children: Children, content: bytes, task: str) -> None:
    starts = children.starts
    made = await played(children, content, task)
    if isinstance(made, PreviewFailed):
        assert made.reason is not PreviewFailure.CRASHED or made.detail.startswith("SIG"), made.detail
    else:
        assert not made.facts or believed(made.facts) is not None
    assert children.starts == starts


@slow
@with_pyav
@pytest.mark.parametrize("container", [*films.FORMATS, *recordings.FORMATS, "wav", "tagged"])
async def test_damage_costs_only_the_job(children: Children, container: str) -> None:
    for seed in range(6):
        await suffered(children, damaged(*source_of(container)[:1], seed), source_of(container)[1])


@pytest.mark.proof
@with_pyav
@pytest.mark.timeout(1800)
async def test_much_damage_costs_only_the_jobs(children: Children) -> None:
    for container in [*films.FORMATS, *recordings.FORMATS, "wav", "tagged"]:
        content, task = source_of(container)
        for seed in range(100, 250):
            await suffered(children, damaged(content, seed), task)


def source_of(container: str) -> tuple[bytes, str]:
    if container in films.FORMATS and container != "mp4":
        return films.film(container), "video"
    if container == "mp4":
        return films.turned(films.film(), 1), "video"
    if container == "wav":
        return recordings.wav_of("extensible"), "audio"
    if container == "tagged":
        return recordings.mp3(cover=images.jpeg(64, 64)), "audio"
    return recordings.encoded(container), "audio"
