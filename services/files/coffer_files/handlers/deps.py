"""What every handler may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coffer_chassis import tracing
from coffer_chassis.addresses import Addresses
from coffer_chassis.blobs import Blobs
from coffer_chassis.origin import Origin
from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Unit, Work
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.downloads import Downloads
from coffer_files.handlers.feed_watch import FeedWatch
from coffer_files.handlers.interactions import Interactions
from coffer_files.handlers.places import Places
from coffer_files.settings import FilesSettings


@dataclass(frozen=True)
class Deps:
    """The open parts of the service; nothing in here changes while it runs."""

    work: Work
    blobs: Blobs
    settings: FilesSettings
    denied: DenyList
    addresses: Addresses
    """Where clients fetch bytes: the bucket, or CloudFront where it is configured."""
    downloads: Downloads
    """What was handed out and is not told of yet."""
    interactions: Interactions
    watch: FeedWatch
    archiving: Places
    """Archives that are being streamed."""
    public_url: str = ""
    """What addresses of Coffer's own begin with."""


@contextmanager
def on_behalf_of(unit: Unit, upload: Upload) -> Iterator[None]:
    """Within it facts name the uploader and belong to the request that began the upload, whoever reported the bytes: the
    bucket knows nothing of traces.
    """
    before = unit.origin
    with tracing.within("carry on upload", upload.traceparent):
        traceparent = tracing.traceparent() or upload.traceparent
        unit.origin = Origin(upload.uploader_id, upload.actor_kind, upload.correlation_id, before.causation_id, traceparent)
        try:
            yield
        finally:
            unit.origin = before
