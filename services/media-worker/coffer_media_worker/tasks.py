"""What can be asked of a job, by name. Brings every decoder along: for the warm parent and its children, not for the worker."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coffer_media_worker import ffmpeg, imaging, office, pdfs, sounds, texts, videos
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import ImagingError

Task = Callable[[dict[str, Any], Ranged], PreviewOutcome | Iterator[PreviewOutcome]]
"""The request, and the file as far as it is asked for. What comes in parts is sent as it comes."""

STILL_SHOWN = frozenset({PreviewFailure.MEMORY, PreviewFailure.TOO_LARGE})
"""Why the larger pictures may be missing while the smallest is shown."""


def warm_up() -> None:
    """Load whatever is loaded late: in a job nothing can be."""
    for module in (imaging, pdfs, office, texts, ffmpeg):
        module.warm_up()


def _pictures(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """A picture made smaller, for each of the boxes; or the square in its middle."""
    square, locate = bool(request.get("square")), bool(request.get("locate"))
    return _as_far_as_they_go(imaging.draw(source, _boxes(request), str(request["format"]), square=square, locate=locate))


def _pdf(request: dict[str, Any], source: Ranged) -> Iterator[PreviewOutcome]:
    """A page of a PDF, the first unless said, and the words of all."""
    return _as_far_as_they_go(pdfs.draw(source, _boxes(request), str(request["format"]), int(request.get("page", 1))))


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
    "pdf": _pdf,
    "pictures": _pictures,
    "text": _text,
    "video": _video,
}
"""What can be asked for."""


def do(request: dict[str, Any], source: Ranged) -> PreviewOutcome | Iterator[PreviewOutcome]:
    """What the request asks for; raises KeyError for a task that there is not."""
    return TASKS[request["task"]](request, source)
