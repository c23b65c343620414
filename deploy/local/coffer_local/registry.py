"""The services of this release, as everything that composes them needs them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import coffer_auth.app
import coffer_auth.settings
import coffer_files.app
import coffer_files.settings
import coffer_media_worker.app
import coffer_media_worker.settings
import coffer_notifier.app
import coffer_notifier.settings
import coffer_sharing.app
import coffer_sharing.settings
from coffer_chassis.handling import HandlerTable
from coffer_chassis.openapi import Outgoing
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings, ServiceSettings
from coffer_chassis.topology import ServiceTopology, Topology


@dataclass(frozen=True)
class Entry:
    """One service: how it is found, set and built."""

    package: str
    settings: type[ServiceSettings]
    build: Callable[[CofferSettings, Any], Awaitable[Service]]
    topology: ServiceTopology
    tables: dict[str, HandlerTable]
    """Queue -> handlers."""
    routes: Sequence[Any] = ()
    dependencies: Sequence[str] = ()
    """What its routes are given by name, beside what all routes are."""
    outgoing: Callable[[], Outgoing] | None = None
    """What it sends to whoever asked for it, for the OpenAPI document."""

    @property
    def name(self) -> str:
        """The service's name, as in topics and prefixes."""
        return self.topology.service

    @property
    def prefix(self) -> str:
        """What its settings begin with."""
        return f"COFFER_{self.name.replace('-', '_').upper()}_"


def _entry(package: str, app: Any, settings: type[ServiceSettings]) -> Entry:
    return Entry(
        package=package,
        settings=settings,
        build=app.build,
        topology=app.TOPOLOGY,
        tables=getattr(app, "TABLES", {}),
        routes=getattr(app, "ROUTES", ()),
        dependencies=getattr(app, "DEPENDENCIES", ()),
        outgoing=getattr(app, "outgoing", None),
    )


SERVICES: tuple[Entry, ...] = (
    _entry("coffer_auth", coffer_auth.app, coffer_auth.settings.AuthSettings),
    _entry("coffer_files", coffer_files.app, coffer_files.settings.FilesSettings),
    _entry("coffer_media_worker", coffer_media_worker.app, coffer_media_worker.settings.MediaWorkerSettings),
    _entry("coffer_sharing", coffer_sharing.app, coffer_sharing.settings.SharingSettings),
    _entry("coffer_notifier", coffer_notifier.app, coffer_notifier.settings.NotifierSettings),
)


def topology(bucket: str) -> Topology:
    """Everything that provisioning makes for this release."""
    return Topology(bucket, tuple(entry.topology for entry in SERVICES))
