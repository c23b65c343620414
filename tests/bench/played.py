"""What previews of films and recordings cost: processor time, memory, and how little of the file is fetched."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from bench.measures import Row
from bench.media import _turns
from coffer_media_worker import ffmpeg, imaging, sounds, videos
from coffer_media_worker.domain import SIZES
from coffer_media_worker.ranged import Ranged
from factories import films, images, recordings

MEASURE = (
    "import sys; from coffer_media_worker import ffmpeg, imaging, sounds, videos; "
    "from coffer_media_worker.ranged import Ranged; imaging.warm_up(); ffmpeg.warm_up(); "
    "content = open(sys.argv[1], 'rb').read(); "
    "list({'video': videos, 'audio': sounds}[sys.argv[2]].draw(Ranged(len(content), None, [(0, content)]))); "
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)
"""As in `media`."""


def _card(width: int, height: int, frames: int = 30) -> list[Image.Image]:
    return [images.photo(width, height)] * frames


FILMS: dict[str, Callable[[], bytes]] = {
    "H.264 720p": lambda: films.encoded(_card(1280, 720)),
    "H.264 1080p": lambda: films.encoded(_card(1920, 1080)),
    "HEVC 4K": lambda: films.encoded(_card(3840, 2160, 3), "mov"),
    "VP9 1080p": lambda: films.encoded(_card(1920, 1080, 10), "webm"),
    "AV1 1080p": lambda: films.encoded(_card(1920, 1080, 10), "mp4", "libsvtav1"),
}
RECORDINGS: dict[str, Callable[[], bytes]] = {
    "WAV, 3 minutes": lambda: recordings.wav(180, 44_100, 1),
    "FLAC, 3 minutes": lambda: recordings.encoded("flac", None, 180.0),
    "MP3, 3 minutes": lambda: recordings.encoded("mp3", None, 180.0),
    "AAC, 3 minutes": lambda: recordings.encoded("mp4", None, 180.0),
    "Opus, 3 minutes": lambda: recordings.encoded("ogg", None, 180.0),
}


def cost_of_playing() -> list[Row]:
    """Each kind in this process, against a bare loop of the same decoder; then a film of two gigabytes by ranges."""
    imaging.warm_up()
    ffmpeg.warm_up()
    if not ffmpeg.here():
        return []
    rows = []
    for name, make in FILMS.items():
        content = make()
        ours, bare = _turns(partial(_drawn, content), partial(_bare_film, content))
        figure = f"{ours:.0f} ms, {_peak(content, 'video')} MiB at most"
        what = f"picture of a film, {name}, all sizes; processor time"
        rows.append(Row(what, figure, f"bare loop {bare:.0f} ms", f"{ours / bare:.2f}"))
    for name, make in RECORDINGS.items():
        content = make()
        ours, bare = _turns(partial(_heard, content), partial(_bare_sound, content))
        figure = f"{ours:.0f} ms, {_peak(content, 'audio')} MiB at most"
        what = f"waveform of a recording, {name}; processor time"
        rows.append(Row(what, figure, f"decoding alone {bare:.0f} ms", f"{ours / bare:.2f}"))
    rows += [_by_ranges(index_first=index_first) for index_first in (True, False)]
    return rows


def _nothing_more(first: int, last: int) -> bytes:
    raise AssertionError(f"bytes {first} to {last} were there all along")


def _whole(content: bytes) -> Ranged:
    return Ranged(len(content), _nothing_more, [(0, content)])


def _drawn(content: bytes) -> None:
    list(videos.draw(_whole(content)))


def _heard(content: bytes) -> None:
    list(sounds.draw(_whole(content)))


def _bare_film(content: bytes) -> None:
    """The same frame in the same boxes by PyAV and Pillow alone: no limits, no colours, no facts, no second look."""
    import av  # noqa: PLC0415 optional

    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.skip_frame = "NONKEY"
        container.seek((container.duration or 0) // 10)
        frame: Any = next(container.decode(stream))
        scale = min(1.0, SIZES[-1] / max(frame.width, frame.height))
        picture: Image.Image = frame.to_image(width=round(frame.width * scale), height=round(frame.height * scale))
    for box in SIZES:
        if box == SIZES[0] or max(picture.size) > SIZES[SIZES.index(box) - 1]:
            small = picture.copy()
            small.thumbnail((box, box), Image.Resampling.LANCZOS, reducing_gap=1.25)
            small.save(io.BytesIO(), "WEBP", quality=75, method={1024: 1, 2048: 0}.get(box, 2))


def _bare_sound(content: bytes) -> None:
    import av  # noqa: PLC0415 optional

    with av.open(io.BytesIO(content), "r") as container:
        for _ in container.decode(container.streams.audio[0]):
            pass


def _peak(content: bytes, task: str) -> int:
    """Most memory of a process that does this and nothing else, in MiB."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        command = [sys.executable, "-c", MEASURE, file.name, task]
        return int(subprocess.run(command, check=True, capture_output=True).stdout) // 1024


def _by_ranges(*, index_first: bool) -> Row:
    stored = films.two_gigabytes(index_first=index_first)
    asked: list[int] = []

    def fetch(first: int, last: int) -> bytes:
        asked.append(last + 1 - first)
        return stored.bytes_of(first, last)

    list(videos.draw(Ranged(stored.size_bytes, fetch)))
    what = f"a film of 2 GB in 4K, index {'first' if index_first else 'last'}: what is fetched for its picture"
    share = sum(asked) / stored.size_bytes
    return Row(what, f"{len(asked)} requests, {sum(asked) / 1e6:.1f} MB", "all of it", f"{share:.4f}")
