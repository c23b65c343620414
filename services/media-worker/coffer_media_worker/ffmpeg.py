"""Films and sound opened by FFmpeg through PyAV, where that is installed, with everything but decoding out of its reach. Runs
in a child, never in the worker.

The container is named by us, by the type that the first bytes say: nothing is guessed, so no playlist, no concatenation and
no stream description is ever read. Bytes come from the file object alone; whatever else it would open, it may not. One thread.
"""

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, cast

from coffer_media_worker.domain import PIXEL_LIMITS
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import CorruptError, ImagingError, UnsupportedError
from coffer_media_worker.sample import Sample
from coffer_media_worker.sniffing import identify

if TYPE_CHECKING:
    from types import ModuleType

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_MATROSKA = "matroska,webm"

CONTAINERS: Mapping[str, str] = {
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/flac": "flac",
    "audio/mp4": _MP4,
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "video/3gpp": _MP4,
    "video/mp2t": "mpegts",
    "video/mp4": _MP4,
    "video/mpeg": "mpeg",
    "video/ogg": "ogg",
    "video/quicktime": _MP4,
    "video/webm": _MATROSKA,
    "video/x-flv": "flv",
    "video/x-matroska": _MATROSKA,
    "video/x-ms-asf": "asf",
    "video/x-msvideo": "avi",
}
"""By type, FFmpeg's name of the one reader that opens it; every other one is out of reach."""

_FILM_DECODERS = (
    "av1 cinepak dnxhd dvvideo ffv1 flv h261 h263 h263i h263p h264 hevc huffyuv indeo3 libdav1d mjpeg mpeg1video mpeg2video "
    "mpeg4 mpegvideo msmpeg4 msmpeg4v1 msmpeg4v2 msrle msvideo1 prores qtrle rawvideo rv30 rv40 svq1 svq3 theora utvideo vc1 "
    "vp6 vp6a vp6f vp8 vp9 wmv1 wmv2 wmv3"
)
_SOUND_DECODERS = (
    "aac aac_latm ac3 adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha alac amrnb amrwb libopencore_amrnb "
    "libopencore_amrwb dca eac3 flac gsm gsm_ms mace3 mace6 mp1 mp1float mp2 mp2float mp3 mp3float nellymoser opus pcm_alaw "
    "pcm_bluray pcm_dvd pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be pcm_s16le pcm_s24be pcm_s24le pcm_s32be "
    "pcm_s32le pcm_s8 pcm_u8 speex truehd vorbis wmalossless wmapro wmav1 wmav2"
)
SOUNDS: Final = ",".join(_SOUND_DECODERS.split())
DECODERS: Final = ",".join([*_FILM_DECODERS.split(), SOUNDS])
"""What people's films and recordings are coded with; FFmpeg's other four hundred decoders are out of reach."""

HEAD_BYTES = BUFFER_BYTES = 64 * 1024
LONGEST_NAME = 32

_NOT_NEEDED = frozenset({"av.__main__", "av.datasets", "av.device"})
"""Parts of PyAV that are commands, fetch examples, or ask the system for cameras."""

_av: "ModuleType | None" = None


def warm_up() -> None:
    """Load PyAV, if it is installed, with all that it would otherwise load late."""
    global _av  # noqa: PLW0603 a module that is there or not
    try:
        import av  # noqa: PLC0415 optional
    except ImportError:
        return
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in _NOT_NEEDED:
            importlib.import_module(module.name)
    av.logging.set_level(None)
    _av = av


def here() -> bool:
    """Whether films can be decoded; tells the truth after `warm_up` only."""
    return _av is not None


def recognise(source: Ranged, start: int = 0) -> str:
    """The type of a film or recording by its first bytes, or by those from `start` on."""
    source.seek(start)
    length = source.size - start
    return identify(Sample(source.read(min(HEAD_BYTES, length)) or b"", b"", length)).mime_type


def _refused(url: str, *_: object) -> NoReturn:
    raise PermissionError(f"another file is not opened: {url[:100]}")


@contextlib.contextmanager
def opened(file: BinaryIO, mime_type: str, decoders: str = DECODERS) -> Iterator[Any]:
    """The container of this type in a file, closed afterwards. What goes wrong inside is raised as `ImagingError`, and nothing
    else but OverBudgetError and MemoryError.
    """
    container = CONTAINERS.get(mime_type)
    if _av is None or container is None:
        raise UnsupportedError(f"{mime_type} is not decoded here")
    file.seek(0)  # where PyAV believes it to be
    limits = {"max_pixels": str(PIXEL_LIMITS.video), "codec_whitelist": decoders, "threads": "1"}
    confined = {**limits, "format_whitelist": container, "protocol_whitelist": "none", "ignore_editlist": "1"}
    with (
        told(),
        _av.open(
            file,
            "r",
            format=container.partition(",")[0],
            options=confined,
            buffer_size=BUFFER_BYTES,
            io_open=_refused,
            metadata_errors="replace",
        ) as opened_container,
    ):
        for stream in opened_container.streams:
            context = stream.codec_context
            stream.discard = _av.stream.Discard.all
            if context is not None:
                context.options = limits
                context.thread_type = "NONE"
                context.thread_count = 1
        yield opened_container


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What FFmpeg gives up with, as our own errors."""
    try:
        yield
    except (ImagingError, MemoryError, OverBudgetError):
        raise
    except Exception as error:  # PyAV raises a class for every error number, and its own for what it cannot hold
        name = f"{type(error).__name__}: {error}"
        if type(error).__name__ in _UNKNOWN:
            raise UnsupportedError(name) from error
        if getattr(error, "errno", None) == _NO_MEMORY:
            raise MemoryError(name) from error
        raise CorruptError(name) from error


_UNKNOWN = frozenset({"DecoderNotFoundError", "DemuxerNotFoundError", "PatchWelcomeError", "ProtocolNotFoundError"})
"""PyAV's errors for what its FFmpeg was not built with."""

_NO_MEMORY = 12
"""ENOMEM, which is what FFmpeg says of an allocation that failed."""


def found(container: Any, kind: str) -> Any | None:
    """The first stream of this kind that can be decoded and is no cover; None if there is none."""
    streams = [stream for stream in getattr(container.streams, kind) if stream.codec_context is not None]
    return next((stream for stream in streams if not is_cover(stream)), None)


def wanted(container: Any, kind: str) -> Any | None:
    """As `found`, and it is going to be read."""
    stream = found(container, kind)
    if stream is not None and _av is not None:
        stream.discard = _av.stream.Discard.default
    return stream


def frames(container: Any, stream: Any) -> Iterator[Any]:
    """Every frame of a stream in turn; raises as `opened`."""
    with told():
        yield from container.decode(stream)


def is_cover(stream: Any) -> bool:
    """Whether a film's stream is a picture that stands beside the sound."""
    return bool(cast("int", stream.disposition) & _COVER)


_COVER = 0x0400
"""AV_DISPOSITION_ATTACHED_PIC."""


def seconds_of(container: Any) -> float | None:
    """How long it plays, where it says so."""
    told_by_container = container.duration
    if told_by_container is not None and told_by_container > 0:
        return float(told_by_container) / 1_000_000
    longest = [
        float(stream.duration * stream.time_base)
        for stream in container.streams
        if stream.duration and stream.time_base and stream.duration > 0
    ]
    return max(longest, default=None)


def codec_of(stream: Any) -> str:
    """What a stream is coded with, in FFmpeg's word for it."""
    codec = stream.codec_context.codec
    return str(codec.canonical_name if hasattr(codec, "canonical_name") else codec.name)[:LONGEST_NAME]
