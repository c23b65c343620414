"""Looking through the bucket over S3: what lies below a prefix, and which multipart uploads were never finished."""

from collections.abc import AsyncIterator
from typing import Any

from botocore.exceptions import ClientError

from coffer_chassis.blobs import LISTED_AT_ONCE, Listed, OpenMultipart
from coffer_chassis.object_keys import checked_prefix


class S3Listing:
    """The part of Blobs that lists, over a long-lived S3 client."""

    _client: Any
    _bucket: str

    async def listed(self, prefix: str, *, after: str = "", limit: int = LISTED_AT_ONCE) -> list[Listed]:
        """See Blobs. By the last key rather than by the token of the page before, so that it can be taken up much later."""
        if not 1 <= limit <= LISTED_AT_ONCE:
            raise ValueError(f"a page holds 1 to {LISTED_AT_ONCE} objects, not {limit}")
        checked_prefix(prefix)
        found: list[Listed] = []
        # S3 may answer with fewer than it was asked for although there are more.
        while len(found) < limit:
            answer = await self._client.list_objects_v2(
                Bucket=self._bucket,
                Prefix=prefix,
                MaxKeys=limit - len(found),
                **({"StartAfter": found[-1].key if found else after} if found or after else {}),
            )
            contents = answer.get("Contents", ())
            found += [Listed(one["Key"], one["Size"], one["ETag"].strip('"'), one["LastModified"]) for one in contents]
            if not answer["IsTruncated"] or not contents:
                break
        return found

    async def open_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        """See Blobs."""
        page: dict[str, Any] = {"Bucket": self._bucket, "Prefix": checked_prefix(prefix), "MaxUploads": LISTED_AT_ONCE}
        while True:
            answer = await self._client.list_multipart_uploads(**page)
            for one in answer.get("Uploads", ()):
                yield OpenMultipart(one["Key"], one["UploadId"], one["Initiated"])
            if not answer["IsTruncated"]:
                return
            page |= {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """See Blobs."""
        try:
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=multipart_id)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in {"NoSuchUpload", "404"}:
                raise
