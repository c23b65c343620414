"""The media worker over HTTP: nothing but operators' routes."""

from coffer_chassis.admin.routes import admin_routes

ROUTES = admin_routes("media-worker")
