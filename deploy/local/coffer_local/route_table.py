"""Which service owns which path: whole segments decide. The one place any gateway is made from."""

from collections.abc import Iterable, Mapping
from typing import Final

OWNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "auth": (
        "/v1/auth",
        "/v1/me",
        "/v1/sessions",
        "/v1/users",
        "/.well-known/jwks.json",
        "/v1/admin/auth",
        "/user",
        "/login",
        "/verify-token",
        "/profile-photo",
    ),
    "files": (
        "/v1/folders",
        "/v1/items",
        "/v1/uploads",
        "/v1/trash",
        "/v1/search",
        "/v1/recent",
        "/v1/favourites",
        "/v1/tags",
        "/v1/batch",
        "/v1/changes",
        "/v1/usage",
        "/v1/archives",
        "/v1/jobs",
        "/v1/admin/files",
        "/drive",
        "/file",
        "/image-preview",
    ),
    "sharing": (
        "/v1/shares",
        "/v1/links",
        "/v1/public/links",
        "/v1/comments",
        "/v1/admin/sharing",
        "/share",
        "/shared-with-me",
    ),
    "media-worker": ("/v1/admin/media-worker",),
    "notifier": (
        "/v1/notifications",
        "/v1/stream",
        "/v1/webhooks",
        "/v1/subscriptions",
        "/v1/events",
        "/v1/activity",
        "/v1/audit",
        "/v1/analytics",
        "/v1/admin/notifier",
    ),
}

GATEWAY_PATHS: Final = ("/", "/app", "/s", "/health", "/livez", "/readyz", "/docs", "/schema")

_LONGEST: Final = 3


class RouteTable:
    """Looks up the owner of a path; built once, asked for every request."""

    def __init__(self, owners: Mapping[str, Iterable[str]] = OWNERS) -> None:
        """Raises ValueError when two owners claim one prefix."""
        self._owners: dict[tuple[str, ...], str] = {}
        for owner, prefixes in owners.items():
            for prefix in prefixes:
                segments = tuple(prefix.strip("/").split("/"))
                if segments in self._owners:
                    raise ValueError(f"{prefix} has two owners")
                self._owners[segments] = owner

    def owner(self, path: str) -> str | None:
        """The service that answers `path`; None for the gateway itself."""
        segments = tuple(path.split("/", _LONGEST + 1)[1 : _LONGEST + 1])
        for length in range(len(segments), 0, -1):
            found = self._owners.get(segments[:length])
            if found is not None:
                return found
        return None
