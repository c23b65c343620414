"""Recordings for the media worker's tests and for the bench: by hand where that can be done, else by PyAV."""

import array
import functools
import io
import math
import struct
import wave
from typing import Any

from factories import images

FORMATS = {
    "mp3": ("libmp3lame", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "mp4": ("aac", "audio/mp4"),
    "adts": ("aac", "audio/aac"),
    "ogg": ("libopus", "audio/ogg"),
    "oga": ("flac", "audio/ogg"),
    "aiff": ("pcm_s16be", "audio/aiff"),
}
"""By FFmpeg's name of the container, a codec that it holds, and its type."""

RATE = 8000
NAMES = {"title": "A Tone", "artist": "The Growers", "album": "Louder"}


def growing(seconds: float, rate: int = RATE, channels: int = 1) -> "array.array[int]":
    """A tone that grows from nothing to full scale."""
    count = int(seconds * rate)
    samples = array.array("h")
    for number in range(count):
        samples.extend([int(32767 * number / count * math.sin(number))] * channels)
    return samples


def wav(seconds: float = 2.0, rate: int = RATE, channels: int = 1) -> bytes:
    """The growing tone as WAV of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(growing(seconds, rate, channels).tobytes())
    return out.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def riff(form: bytes, samples: bytes, *, told: int | None = None, more: bytes = b"") -> bytes:
    """A WAV file of this format chunk and these samples, which says that it has `told` bytes of them."""
    data = b"data" + struct.pack("<I", len(samples) if told is None else told) + samples
    content = b"WAVE" + _chunk(b"fmt ", form) + more + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


def wav_of(kind: str, seconds: float = 1.0) -> bytes:
    """The growing tone as other kinds of WAV: `u8`, `s24`, `s32`, `f32`, `f64`, `extensible`, `rf64`, `adpcm`."""
    samples = growing(seconds)
    size = {"u8": 1, "s24": 3, "s32": 4, "f32": 4, "f64": 8}.get(kind, 2)
    tag = {"f32": 3, "f64": 3, "extensible": 0xFFFE, "adpcm": 17}.get(kind, 1)
    form = struct.pack("<HHIIHH", tag, 1, RATE, RATE * size, size, size * 8)
    if kind == "extensible":
        form += struct.pack("<HHI", 22, 16, 4) + b"\1\0" + bytes.fromhex("000000001000800000aa00389b71")
    if kind in {"f32", "f64"}:
        content = array.array("f" if kind == "f32" else "d", [sample / 32768 for sample in samples]).tobytes()
    elif kind == "u8":
        content = bytes((sample >> 8) + 128 for sample in samples)
    else:
        content = b"".join(bytes(size - 2) + struct.pack("<h", sample) for sample in samples)
    made = riff(form, content)
    if kind == "rf64":
        sizes = struct.pack("<QQQI", len(made) + 28, len(content), len(samples), 0)
        made = riff(form, content, told=0xFFFFFFFF)
        made = b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"ds64", sizes) + made[12:]
    return made


def _unsynchronised(length: int) -> bytes:
    return bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(names: dict[str, str], cover: bytes = b"", more: bytes = b"") -> bytes:
    """An ID3v2.3 tag."""
    frames = b""
    for frame, name in ((b"TIT2", "title"), (b"TPE1", "artist"), (b"TALB", "album")):
        if name in names:
            content = b"\1" + names[name].encode("utf-16")
            frames += frame + struct.pack(">IH", len(content), 0) + content
    if cover:
        content = b"\0image/jpeg\0\3\0" + cover
        frames += b"APIC" + struct.pack(">IH", len(content), 0) + content
    frames += more
    return b"ID3\3\0\0" + _unsynchronised(len(frames)) + frames


def mp3(names: dict[str, str] | None = None, cover: bytes = b"", *, frames: int = 400, more: bytes = b"") -> bytes:
    """Silence, 26 ms a frame, with a tag."""
    return id3(NAMES if names is None else names, cover, more) + images.mp3() * (frames // 8)


def many_tags(count: int = 10_000) -> bytes:
    """Silence with so many names of its own."""
    content = [b"\0owner%d\0value %d" % (number, number) for number in range(count)]
    return mp3(more=b"".join(b"TXXX" + struct.pack(">IH", len(one), 0) + one for one in content))


def many_titles(count: int = 10_000) -> bytes:
    """Silence with so many titles."""
    content = [b"\0title %d" % number for number in range(count)]
    return mp3(more=b"".join(b"TIT2" + struct.pack(">IH", len(one), 0) + one for one in content))


def flac(names: dict[str, str] | None = None, cover: bytes = b"", *, seconds: int = 3) -> bytes:
    """What a FLAC file says of itself, without any sound behind it (RFC 9639)."""
    about = struct.pack(">HH", 4096, 4096) + bytes(6) + (RATE << 44 | 15 << 36 | RATE * seconds).to_bytes(8, "big") + bytes(16)
    said = [f"{name.upper()}={value}".encode() for name, value in (NAMES if names is None else names).items()]
    comment = struct.pack("<I", 0) + struct.pack("<I", len(said)) + b"".join(struct.pack("<I", len(one)) + one for one in said)
    blocks = [(0, about), (4, comment)]
    if cover:
        blocks.append((6, struct.pack(">II", 3, 10) + b"image/jpeg" + bytes(20) + struct.pack(">I", len(cover)) + cover))
    made = b"fLaC"
    for number, (kind, content) in enumerate(blocks):
        last = 0x80 if number == len(blocks) - 1 else 0
        made += bytes([kind | last]) + len(content).to_bytes(3, "big") + content
    return made


@functools.cache
def encoded(container: str, codec: str | None = None, seconds: float = 2.0) -> bytes:
    """The growing tone, named, as PyAV codes it."""
    import av  # noqa: PLC0415 optional

    av.logging.set_level(None)
    codec = codec or FORMATS[container][0]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        file.metadata.update(NAMES)
        stream: Any = file.add_stream(codec, rate=48000)
        stream.layout = "mono"
        kind = stream.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(format=kind, layout="mono", rate=48000, frame_size=1024)
        samples = growing(seconds, 48000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts = 48000, 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


@functools.cache
def hour() -> bytes:
    """The first frames of silence of an MP3 that lasts an hour, over and over."""
    return mp3(frames=3600 * 1000 // 26)
