"""sharing over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_sharing.routes import lists, shares

ROUTES = (*lists.ROUTES, *shares.ROUTES, *admin_routes("sharing"))
