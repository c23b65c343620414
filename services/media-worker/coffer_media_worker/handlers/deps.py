"""What the handlers of the media worker stand on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from coffer_chassis.blobs import Blobs
from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_media_worker.children import Early
from coffer_media_worker.domain import PreviewOutcome
from coffer_media_worker.scanning import Antivirus
from coffer_media_worker.sources import Remembered, Source

FAST = "media-worker-fast"
BULK = "media-worker-bulk"
FOREVER = "public, max-age=31536000, immutable"
"""How long others may keep what is stored below `previews/`."""


class Renders(Protocol):
    """The rendering processes."""

    async def render(
        self,
        source: Source | bytes,
        boxes: Sequence[int] = (400,),
        *,
        task: str = "pictures",
        square: bool = False,
        early: Early | None = None,
        format: str = "WEBP",  # noqa: A002 PIL's word
        locate: bool = False,
        page: int | None = None,
    ) -> PreviewOutcome:
        """What a task (`kinds`) makes of a file: previews that fit into boxes of so many pixels, or with `square` fill them,
        facts, text; or why there is nothing. Where it was taken is told only with `locate`. `early` is told the small picture
        where the others take long. `page`, from 1, is for the task that draws one.

        Raises ChildrenLost when the machinery broke, BlobMissing and BlobChanged for a source that goes away.
        """


@dataclass(frozen=True)
class Deps:
    """What the handlers stand on."""

    work: Work
    blobs: Blobs
    children: Renders
    label: Callable[[bytes], str | None] | None
    """Names types that the signature table does not know; None where there is no libmagic."""
    denied: DenyList
    antivirus: Antivirus | None = None
    """Looks at every upload that is cleared by its bytes, where there is one."""
    remembered: Remembered = field(default_factory=Remembered)
    """What was read lately of documents that somebody leafs through."""
