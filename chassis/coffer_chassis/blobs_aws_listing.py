"""Looking through the bucket over S3: what lies below a prefix."""

from typing import Any

from coffer_chassis.blobs import LISTED_AT_ONCE, Listed
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
