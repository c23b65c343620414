"""auth over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_auth.routes import accounts, keys, oidc, sessions, verify
from coffer_chassis.admin.routes import admin_routes

ROUTES = (*accounts.ROUTES, *sessions.ROUTES, *oidc.ROUTES, *verify.ROUTES, *keys.ROUTES, *admin_routes("auth"))
