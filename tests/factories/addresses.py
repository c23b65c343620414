"""Signed addresses as whoever holds one reads them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit


def end_of(url: str) -> datetime:
    """When the address stops working, as it says itself: S3's (SigV4 in the query) or CloudFront's (canned policy)."""
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
    if "Expires" in given:
        return datetime.fromtimestamp(int(given["Expires"]), UTC)
    signed_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(given["X-Amz-Expires"]))
