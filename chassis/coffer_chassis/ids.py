"""Makes identifiers. Domain code never calls this: ids arrive there as arguments."""

from uuid_utils import uuid7


def new_id() -> str:
    """A fresh UUIDv7 as 36 characters of text: unique, and sorted by the time it was made (RFC 9562 section 5.7)."""
    return str(uuid7())
