"""S3 event notifications, as S3 and its emulators write them."""

from typing import Any


def notification(*keys: str, etag: str = "0a" * 16, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """An event message about objects; keys as they stand in the message, form-encoded."""
    return {
        "Records": [
            {
                "eventVersion": "2.6",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-11-20T12:00:00.000Z",
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "files-storage-blobs",
                    "bucket": {"name": "bucket", "arn": "arn:aws:s3:::bucket"},
                    "object": {"key": key, "size": 3, "eTag": etag, "sequencer": f"0055AED6DCD90281E{number}"},
                },
            }
            for number, key in enumerate(keys)
        ]
    }
