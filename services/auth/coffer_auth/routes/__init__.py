"""auth over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_auth.routes import (
    accounts,
    admin_users,
    compat,
    devices,
    emails,
    keys,
    me,
    mfa,
    oidc,
    passwords,
    photos,
    sessions,
    step_up,
    tokens,
    users,
    verify,
)
from coffer_chassis.admin.routes import admin_routes

ROUTES = (
    *accounts.ROUTES,
    *me.ROUTES,
    *emails.ROUTES,
    *passwords.ROUTES,
    *photos.ROUTES,
    *sessions.ROUTES,
    *devices.ROUTES,
    *oidc.ROUTES,
    *verify.ROUTES,
    *step_up.ROUTES,
    *mfa.ROUTES,
    *tokens.ROUTES,
    *keys.ROUTES,
    *users.ROUTES,
    *compat.ROUTES,
    *admin_users.ROUTES,
    *admin_routes("auth"),
)
