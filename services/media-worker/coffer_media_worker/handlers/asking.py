"""Facts that ask for a preview, and what they want: of a new version everything, later what somebody waits for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope
from coffer_contracts.files import ContentFact, ItemCommittedV1
from coffer_contracts.files_previews import PreviewRequestedV1, WantedPage
from coffer_media_worker.store.queue import PreviewJob


@dataclass(frozen=True, slots=True)
class Asked:
    """A preview that is wanted."""

    event: Envelope[Any]
    content: ContentFact
    sequence: int
    """Of the file: what was purged at or after it stays gone."""
    since: datetime | None = None
    """Made anew, unless it was made since then; None where any preview of the same bytes will do."""
    as_jpeg: bool = False
    """Only pictures that there are, as JPEG."""
    locate: bool = False
    """Whether it is to be told where it was taken."""
    page: WantedPage | None = None
    """Only this picture of a page."""

    def about(self, started_at: datetime) -> dict[str, Any]:
        """What every fact about the preview tells."""
        fact = self.event.data
        return {
            "item_id": fact.item_id,
            "version_id": self.content.version_id,
            "owner_id": fact.owner_id,
            "ancestor_ids": fact.ancestor_ids,
            "blob_id": self.content.blob_id,
            "started_at": started_at,
        }


def asked_by(job: PreviewJob) -> Asked:
    """What the fact wants that put a job in line. Raises TypeError for one that asks for no preview; nobody puts that there."""
    event = parse(job.event)
    match event.data:
        case ItemCommittedV1(content=ContentFact() as content) as fact:
            return Asked(event, content, event.revision, locate=bool(fact.locate))
        case PreviewRequestedV1() as fact:
            # Tombstones of items count whenever they were put: what is purged is asked about no more.
            is_jpeg = fact.wanted == "jpeg"
            since = None if is_jpeg else fact.requested_at
            return Asked(event, fact.content, 0, since, is_jpeg, locate=bool(fact.locate), page=fact.page)
    raise TypeError(f"{event.type} asks for no preview")
