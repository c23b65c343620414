"""notifier over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_chassis.admin.routes import admin_routes
from coffer_notifier.routes import (
    activity,
    analytics,
    audit,
    event_types,
    events,
    notifications,
    preferences,
    stream,
    subscriptions,
    told,
    topic_subscriptions,
    unsubscribe,
    watched_webhooks,
    webhook_deliveries,
    webhooks,
)

ROUTES = (
    *notifications.ROUTES,
    *preferences.ROUTES,
    *unsubscribe.ROUTES,
    *stream.ROUTES,
    *activity.ROUTES,
    *audit.ROUTES,
    *analytics.ROUTES,
    *event_types.ROUTES,
    *events.ROUTES,
    *webhooks.ROUTES,
    *webhook_deliveries.ROUTES,
    *watched_webhooks.ROUTES,
    *subscriptions.ROUTES,
    *told.ROUTES,
    *topic_subscriptions.ROUTES,
    *admin_routes("notifier"),
)
