"""What is made of which type of file: one table, from the type that a verdict found to the task of a job. Data, and pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from coffer_media_worker.domain import RENDERABLE, Verdict
from coffer_media_worker.signatures import ACTIVE_TYPES, EXTENSIONS, MediaKind, kind_of

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a job does with a file."""

    task: str
    """Its name in `tasks.TASKS`."""
    whole_bytes: int = MIB
    """Up to this the file is fetched by one request; a larger one only as far as the job asks for it."""
    by_ranges: bool = True
    """Whether less than the whole of a larger file may do; otherwise it is fetched whole, or is too large."""
    pictured: bool = True
    """Whether people may wait for a picture; of other kinds only facts and text are told."""


PICTURES = Treatment("pictures", whole_bytes=4 * MIB, by_ranges=False)
PICTURES_BY_RANGES = Treatment("pictures", whole_bytes=4 * MIB)
"""Pictures of which the beginning may do, or tell that they are too large."""
PDF = Treatment("pdf")
PAGE = "page"
"""The task that draws one page of those."""
OFFICE = Treatment("office")
TEXTS = Treatment("text", pictured=False)
FILMS = Treatment("video")
RECORDINGS = Treatment("audio")
"""Those without a cover have a picture only where their waveform can be drawn."""

_OFFICE = ("docx", "docm", "xlsx", "xlsm", "pptx", "pptm", "odt", "ods", "odp")

TREATMENTS: Mapping[str, Treatment] = {
    **dict.fromkeys(RENDERABLE, PICTURES),
    **dict.fromkeys(("image/gif", "image/jpeg", "image/tiff"), PICTURES_BY_RANGES),
    **dict.fromkeys(
        (
            "video/3gpp",
            "video/mp2t",
            "video/mp4",
            "video/mpeg",
            "video/ogg",
            "video/quicktime",
            "video/webm",
            "video/x-flv",
            "video/x-matroska",
            "video/x-ms-asf",
            "video/x-msvideo",
        ),
        FILMS,
    ),
    **dict.fromkeys(
        (
            "audio/aac",
            "audio/aiff",
            "audio/amr",
            "audio/flac",
            "audio/mp4",
            "audio/mpeg",
            "audio/ogg",
            "audio/wav",
        ),
        RECORDINGS,
    ),
    "application/pdf": PDF,
    **{mime_type: OFFICE for stem in _OFFICE for mime_type in EXTENSIONS[stem][:1]},
}


def treatment(mime_type: str) -> Treatment | None:
    """What becomes of a file of this type; None if nothing does."""
    found = TREATMENTS.get(mime_type)
    if found is None and kind_of(mime_type) is MediaKind.TEXT and mime_type not in ACTIVE_TYPES:
        return TEXTS
    return found


def expects_preview(verdict: Verdict) -> bool:
    """Whether there may be a picture, so that people wait for it; it may still end as a failure (a bomb, a cut picture)."""
    treated = treatment(verdict.mime_type)
    return verdict.cleared and treated is not None and treated.pictured
