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
PageId = NewType("PageId", str)
"""One picture of one page, from when it is wanted for the first time until it is forgotten."""
PhotoId = NewType("PhotoId", str)
"""One photo that a person sends, from its announcement to its end."""
ShareId = NewType("ShareId", str)
InvitationId = NewType("InvitationId", str)
GrantId = NewType("GrantId", str)
CommentId = NewType("CommentId", str)
LinkId = NewType("LinkId", str)
LinkAccessId = NewType("LinkAccessId", str)
LinkFamilyId = NewType("LinkFamilyId", str)
"""All sessions of a link that were opened before something ended them together."""
ActId = NewType("ActId", str)
SightingId = NewType("SightingId", str)
MailId = NewType("MailId", str)
WebhookId = NewType("WebhookId", str)
