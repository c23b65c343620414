"""notifier over HTTP: parse, call one handler, shape the answer. One file per noun; the list at the end is what app serves."""

from coffer_notifier.routes import activity, notifications, stream

ROUTES = (*notifications.ROUTES, *stream.ROUTES, *activity.ROUTES)
