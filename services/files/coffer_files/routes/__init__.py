"""files over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_files.routes import changes, content, items, reconciliations, trash, uploads, usage, versions

ROUTES = (
    *items.ROUTES,
    *content.ROUTES,
    *uploads.ROUTES,
    *trash.ROUTES,
    *changes.ROUTES,
    *usage.ROUTES,
    *versions.ROUTES,
    *reconciliations.ROUTES,
    *admin_routes("files"),
)
