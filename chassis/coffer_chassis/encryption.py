"""How S3 is told to encrypt what it stores: with keys of its own (SSE-S3), or with one of KMS (SSE-KMS).

Every request that makes an object says so, and signed addresses and forms bind it: a client cannot leave it out. Parts take
after the multipart upload that they belong to, and downloads need to say nothing (S3 user guide, "Protecting data with
server-side encryption").
"""

from dataclasses import dataclass
from typing import Any, Literal

Method = Literal["none", "AES256", "aws:kms"]


@dataclass(frozen=True, slots=True)
class Encryption:
    """What is asked for. With `none` S3 does as the bucket says, which on AWS is SSE-S3."""

    method: Method = "none"
    key_id: str | None = None
    """With `aws:kms`: a key's id or address; the account's own key for S3 without one."""
    bucket_key: bool = True
    """With `aws:kms`: one key per bucket instead of a request to KMS for every object."""

    @property
    def headers(self) -> dict[str, str]:
        """As HTTP headers in small letters, and so also as the fields of a form."""
        if self.method == "none":
            return {}
        headers: dict[str, str] = {"x-amz-server-side-encryption": self.method}
        if self.method == "aws:kms":
            if self.key_id is not None:
                headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.key_id
            headers["x-amz-server-side-encryption-bucket-key-enabled"] = "true" if self.bucket_key else "false"
        return headers

    @property
    def arguments(self) -> dict[str, Any]:
        """As arguments of the SDK's calls that make objects."""
        if self.method == "none":
            return {}
        arguments: dict[str, Any] = {"ServerSideEncryption": self.method}
        if self.method == "aws:kms":
            if self.key_id is not None:
                arguments["SSEKMSKeyId"] = self.key_id
            arguments["BucketKeyEnabled"] = self.bucket_key
        return arguments


PLAIN = Encryption()
