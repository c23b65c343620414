"""What can be asked of a job, by name. Brings every decoder along: for the warm parent and its children, not for the worker."""

import gc
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from coffer_media_worker import ffmpeg, imaging, office, pdfs, sounds, texts, videos
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import ImagingError

Task = Callable[[dict[str, Any], Ranged], PreviewOutcome | Iterator[PreviewOutcome]]
"""The request, and the file as far as it is asked for. What comes in parts is sent as it comes."""

STILL_SHOWN = frozenset({PreviewFailure.MEMORY, PreviewFailure.TOO_LARGE})
"""Why the larger pictures may be missing while the smallest is shown."""


_LATER: Mapping[str, Callable[[], None]] = {
    "audio": ffmpeg.warm_up,
    "page": pdfs.warm_up,
    "pdf": pdfs.warm_up,
    "video": ffmpeg.warm_up,
}
"""Half of the memory that a parent takes, and a system may never see a film: loaded before the first job that needs it."""


def warm_up() -> None:
    """Load whatever is loaded late: in a job nothing can be."""
    for module in (imaging, office, texts):
        module.warm_up()


@cache
def prepare(task: str) -> None:
    """Load what a task needs beyond that, in the parent, where everybody's next job finds it; nothing the second time."""
    if task in _LATER:
        _LATER[task]()
        gc.freeze()


def _pictures(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """A picture made smaller, for each of the boxes; or the square in its middle."""
    square, locate = bool(request.get("square")), bool(request.get("locate"))
    return _as_far_as_they_go(imaging.draw(source, _boxes(request), str(request["format"]), square=square, locate=locate))


def _pdf(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """The first page of a PDF, and the words of all."""
    return _as_far_as_they_go(pdfs.draw(source, _boxes(request), str(request["format"])))


def _page(request: dict[str, Any], source: Ranged) -> PreviewOutcome:
    """Any page of a PDF, for one box."""
    (box,) = _boxes(request)
    try:
        return pdfs.draw_page(source, box, str(request["format"]), int(request["page"]))
    except ImagingError as error:
        return PreviewFailed(error.reason, str(error))


def _office(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """The picture that an office document carries, and its words."""
    return _as_far_as_they_go(office.draw(source, _boxes(request), str(request["format"])))


def _text(_request: dict[str, Any], source: Ranged) -> PreviewOutcome:
    """The beginning of a text."""
    return texts.read(source)


def _video(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """A picture out of a film, for each of the boxes."""
    return _as_far_as_they_go(videos.draw(source, _boxes(request), str(request["format"])))


def _audio(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """The cover or the waveform of a recording, for each of the boxes."""
    return _as_far_as_they_go(sounds.draw(source, _boxes(request), str(request["format"])))


def _boxes(request: dict[str, Any]) -> list[int]:
    return [int(box) for box in request["boxes"]]


def _as_far_as_they_go(parts: Iterator[Rendered]) -> Iterator[PreviewOutcome]:
    """The parts, and a failure in place of one that could not be made, unless the first may stand for all."""
    begun = False
    try:
        for part in parts:
            yield part
            begun = True
    except ImagingError as error:
        if not (begun and error.reason in STILL_SHOWN):
            yield PreviewFailed(error.reason, str(error))
    except OverBudgetError:
        if not begun:
            raise


TASKS: Mapping[str, Task] = {
    "audio": _audio,
    "office": _office,
    "page": _page,
    "pdf": _pdf,
    "pictures": _pictures,
    "text": _text,
    "video": _video,
}
"""What can be asked for."""


def do(request: dict[str, Any], source: Ranged) -> PreviewOutcome | Iterator[PreviewOutcome]:
    """What the request asks for; raises KeyError for a task that there is not."""
    return TASKS[request["task"]](request, source)
