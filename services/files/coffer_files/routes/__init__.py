"""files over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_files.routes import (
    changes,
    compat_drive,
    compat_files,
    content,
    emptying,
    items,
    jobs,
    previews,
    reconciliations,
    search,
    trash,
    uploads,
    usage,
    versions,
)

ROUTES = (
    *items.ROUTES,
    *content.ROUTES,
    *previews.ROUTES,
    *uploads.ROUTES,
    *trash.ROUTES,
    *emptying.ROUTES,
    *jobs.ROUTES,
    *changes.ROUTES,
    *usage.ROUTES,
    *versions.ROUTES,
    *compat_drive.ROUTES,
    *compat_files.ROUTES,
    *reconciliations.ROUTES,
    *search.ROUTES,
    *admin_routes("files"),
)
