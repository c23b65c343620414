"""What the bucket tells: S3 event notifications, turned into the one form that handlers take."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import unquote_plus
from uuid import NAMESPACE_URL, uuid5

from coffer_contracts.catalog import Unreadable
from coffer_contracts.event import Envelope, Event, described, sequence_text
from coffer_contracts.ids import EventId

MAJOR = "2"
"""Of `eventVersion`: S3 raises it for changes that are not backward compatible (S3 user guide, event message structure)."""


class ObjectStored(Event):
    """An object was written. Not a published event: it lives between the bucket and one service."""

    type: ClassVar[str] = "storage.object.stored.v1"

    bucket: str = described(description="The bucket.")
    key: str = described(description="Object key, decoded.")
    size_bytes: int = described(description="Length of the object.", ge=0)
    etag: str = described(description="The object's ETag, without quotes.")

    @property
    def subject(self) -> str:
        """The object's key."""
        return f"object/{self.key}"


def read_notification(body: str) -> list[Envelope[ObjectStored]]:
    """The objects an S3 notification reports (event message structure, any version 2.x); empty for `s3:TestEvent`.

    Keys arrive form-encoded (`+` for a space). S3 may report one write twice under two request ids, so the id is made
    from bucket, key, ETag and sequencer, which some stores leave out. Another major version may mean anything and is
    Unreadable, like all that is no notification.
    """
    try:
        raw = json.loads(body)
        if raw.get("Event") == "s3:TestEvent":
            return []
        return [
            _read(record)
            for record in raw["Records"]
            if record["eventName"].startswith(("ObjectCreated:", "s3:ObjectCreated:"))
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Unreadable(f"no S3 notification: {error!r}") from error


def _read(record: dict[str, Any]) -> Envelope[ObjectStored]:
    if record.get("eventVersion", MAJOR).partition(".")[0] != MAJOR:
        raise ValueError(f"event version {record['eventVersion']}")
    stored = record["s3"]["object"]
    fact = ObjectStored(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(stored["key"]),
        size_bytes=int(stored.get("size", 0)),
        etag=str(stored["eTag"]).strip('"'),
    )
    name = f"{fact.bucket}/{fact.key}#{fact.etag}#{stored.get('sequencer', '')}"
    event_id = EventId(str(uuid5(NAMESPACE_URL, name)))
    moment = datetime.fromisoformat(record["eventTime"]) if "eventTime" in record else datetime.now(UTC)
    return Envelope[ObjectStored](
        id=event_id,
        source="/s3",
        type=fact.type,
        subject=fact.subject,
        time=moment,
        dataschema="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html",
        partitionkey=fact.key.rpartition("/")[0] or fact.key,
        sequence=sequence_text(0),
        correlationid=event_id,
        data=fact,
    )
