"""What a decoder and a job may use, as data. Pure."""

from dataclasses import dataclass

SIZES = (400, 1024, 2048)
"""The boxes in pixels that previews of pictures fit into, smallest first."""

PLACEHOLDER_BYTES = 768
"""1024 characters as base64, which is what the fact has room for."""


@dataclass(frozen=True, slots=True)
class PixelLimits:
    """How much a decoder may be asked for, in pixels, before it allocates anything."""

    jpeg: int = 250_000_000
    progressive_jpeg: int = 100_000_000
    other: int = 64_000_000
    video: int = 40_000_000
    side: int = 65_535
    bomb_ratio: int = 500
    scans: int = 100


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What one rendering child may use."""

    memory_bytes: int = 768 << 20
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    open_files: int = 64
    source_bytes: int = 64 << 20
    """Of the file, as far as the job reads it."""
    questions: int = 10_000
    """How often it may ask for bytes."""
    output_bytes: int = 256 << 10
    """Of one picture; larger boxes may have more, see `output_of`."""
    pictures: int = 32
    text_bytes: int = 1 << 20
    header_bytes: int = 16 << 10

    @property
    def reply_bytes(self) -> int:
        """Of everything that comes back beside the header."""
        return self.pictures * self.output_bytes + self.text_bytes + PLACEHOLDER_BYTES

    def output_of(self, box: int) -> int:
        """Of a picture for this box: two bits a pixel where that is more than any picture may have."""
        return max(self.output_bytes, min(box, SIZES[-1]) ** 2 // 4)


PIXEL_LIMITS = PixelLimits()
JOB_LIMITS = JobLimits()


@dataclass(frozen=True, slots=True)
class SoundLimits:
    """What is read and told of a recording."""

    tag_bytes: int = 2 << 20
    """For what its file says of it."""
    cover_bytes: int = 16 << 20
    """As above, where a picture stands among that."""
    wave_bytes: int = 46 << 20
    """For its waveform; with the tags that is less than a job may read."""
    wave_seconds: int = 20 * 60
    points: int = 800


SOUND_LIMITS = SoundLimits()
