"""notifier over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_notifier.routes import activity, audit, event_types, notifications, stream, webhook_deliveries, webhooks

ROUTES = (
    *notifications.ROUTES,
    *stream.ROUTES,
    *activity.ROUTES,
    *audit.ROUTES,
    *event_types.ROUTES,
    *webhooks.ROUTES,
    *webhook_deliveries.ROUTES,
    *admin_routes("notifier"),
)
