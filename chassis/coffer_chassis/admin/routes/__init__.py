"""Operators' routes over HTTP: parse, call one function, shape the answer. One file per noun.

Made for each service under its own prefix, because the gateway finds a service by it and operation ids are unique.
"""

from typing import Any

from coffer_chassis.admin.routes import letters, limits, replays, settling, standing


def admin_routes(service: str) -> tuple[Any, ...]:
    """The routes of one service. They ask for `operations` and `cursors` by name."""
    return tuple(route for noun in (standing, letters, settling, replays, limits) for route in noun.routes(service))
