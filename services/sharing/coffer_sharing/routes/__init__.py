"""sharing over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_sharing.routes import (
    admin_links,
    comments,
    compat,
    invitations,
    link_accesses,
    links,
    lists,
    public_links,
    shares,
)

ROUTES = (
    *lists.ROUTES,
    *shares.ROUTES,
    *invitations.ROUTES,
    *compat.ROUTES,
    *comments.ROUTES,
    *links.ROUTES,
    *link_accesses.ROUTES,
    *public_links.ROUTES,
    *admin_links.ROUTES,
    *admin_routes("sharing"),
)
