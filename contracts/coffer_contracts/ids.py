"""Identifiers as they stand in events, addresses and answers: UUIDv7 text of 36 characters (RFC 9562 section 5.7).

NewTypes over str keep one kind of id from being passed for another; making them is the chassis' job.
"""

from typing import NewType

EventId = NewType("EventId", str)
UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
LinkedIdentityId = NewType("LinkedIdentityId", str)
TokenId = NewType("TokenId", str)
ItemId = NewType("ItemId", str)
VersionId = NewType("VersionId", str)
BlobId = NewType("BlobId", str)
DownloadId = NewType("DownloadId", str)
ArchiveId = NewType("ArchiveId", str)
LockId = NewType("LockId", str)
UploadId = NewType("UploadId", str)
JobId = NewType("JobId", str)
PhotoId = NewType("PhotoId", str)
"""One photo that a person sends, from its announcement to its end."""
ShareId = NewType("ShareId", str)
GrantId = NewType("GrantId", str)
ActId = NewType("ActId", str)
SightingId = NewType("SightingId", str)
MailId = NewType("MailId", str)
WebhookId = NewType("WebhookId", str)
