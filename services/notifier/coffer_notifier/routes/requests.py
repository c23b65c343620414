"""What requests to the notifier have in common, beside what all services share (`coffer_chassis.requests`)."""

from litestar.di import NamedDependency

from coffer_notifier.handlers.deps import Deps

READ = "events:read"
WRITE = "webhooks:write"

DEFAULT_LIMIT = 50

TheDeps = NamedDependency[Deps]
