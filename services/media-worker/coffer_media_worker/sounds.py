"""What is told and drawn of a recording: its cover, or its waveform where it has none. Runs in a child, never in the worker."""

import base64
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from coffer_media_worker import encoding, ffmpeg, imaging, tags, waveforms
from coffer_media_worker.domain import Picture, Rendered
from coffer_media_worker.limits import SIZES
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import ImagingError

LARGEST_DRAWING = 1024
"""A waveform shows no more in larger boxes."""
_OF_THE_COVER = frozenset({"colour", "dhash"})
"""What is told of the recording although it is the cover's."""


def draw(
    source: Ranged,
    boxes: Sequence[int] = SIZES,
    format: str = "WEBP",  # noqa: A002 PIL's word
) -> Iterator[Rendered]:
    """Pictures of a recording that fit the boxes, and what is known of it: the cover first, then the waveform as a fact;
    without a cover the waveform as a picture, too. No picture at all where there is neither. Raises `ImagingError` and what
    reading raises.
    """
    mime_type = ffmpeg.recognise(source)
    told = tags.read(source, mime_type)
    covered = False
    for part in _cover(told.cover, boxes, format):
        covered = True
        yield replace(part, facts={**part.facts, **told.facts})
    try:
        wave = waveforms.read(source, mime_type, told.seconds)
    except (ImagingError, OverBudgetError):
        if not covered and not told.facts:
            raise
        yield Rendered(facts=told.facts)
        return
    lasting = {"duration_milliseconds": round(wave.whole * 1000)} if wave.whole else {}
    facts = lasting | told.facts | _facts(wave)
    yield Rendered(facts=facts) if covered else _drawn(wave, boxes, format, facts)


def _cover(content: bytes, boxes: Sequence[int], form: str) -> Iterator[Rendered]:
    """The pictures of a cover, as parts after which others follow; nothing of one that cannot be drawn."""
    if content:
        with contextlib.suppress(ImagingError):
            for part in imaging.draw(content, boxes, form):
                facts = {name: value for name, value in part.facts.items() if name in _OF_THE_COVER}
                yield replace(part, source_width=None, source_height=None, facts=facts, more=True)


def _facts(wave: waveforms.Wave) -> dict[str, Any]:
    return {"waveform": base64.b64encode(wave.points).decode(), "waveform_milliseconds": round(wave.seconds * 1000)}


def _drawn(wave: waveforms.Wave, boxes: Sequence[int], form: str, facts: dict[str, Any]) -> Rendered:
    pictures: list[Picture] = []
    for box in sorted(boxes):
        if not pictures or box <= LARGEST_DRAWING:
            small = waveforms.drawn(wave, box)
            pictures.append(Picture(encoding.encode(small, form, box), f"image/{form.lower()}", *small.size, box))
    first = waveforms.drawn(wave, min(boxes))
    return Rendered(tuple(pictures), placeholder=encoding.placeholder(first), facts=facts)
