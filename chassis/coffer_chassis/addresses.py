"""Where clients fetch stored bytes: at the bucket itself, or at a CDN in front of it."""

from typing import Protocol


class Addresses(Protocol):
    """Signs addresses of stored objects. No network."""

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """An address that answers with the given type and disposition, whatever is stored. It lives `expires_seconds` at
        least; `fresh` keeps it from living longer for the sake of caches. Raises KeyRefused for a key that Coffer never uses.
        """
