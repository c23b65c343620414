"""Under which limit every route of every service is counted, and that the document says so."""

from litestar.handlers import BaseRouteHandler

from coffer_chassis.access_rules import rule_of
from coffer_chassis.limits.policies import counting_of
from coffer_local.openapi_document import document, route_apps
from coffer_local.registry import SERVICES
from factories.rows import for_every

UNCOUNTED = {"/.well-known/jwks.json", "/v1/shares/jwks.json", "/v1/auth/verify"}
"""What services and proxies ask, about everybody else's requests."""
WITH_OWN_SECRET = {"/v1/auth/refresh", "/v1/auth/cookie/logout", "/v1/notifications/unsubscribe"}
"""Public, but what is shown there cannot be guessed."""

ROUTES = [
    (method, path, handler)
    for entry in SERVICES
    for handler in entry.routes
    for path in sorted(handler.paths)
    for method in sorted(map(str, handler.http_methods))
]


def policy_of(handler: BaseRouteHandler) -> str | None:
    counting = counting_of(handler)
    return counting.policy if counting else None


@for_every(("method", "path", "handler"), ROUTES, ids=lambda row: f"{row[0]} {row[1]}")
def test_every_route_is_counted_as_what_it_is(method: str, path: str, handler: BaseRouteHandler) -> None:
    rule = rule_of(handler)
    assert rule is not None
    expected: str | None = "default"
    if path in UNCOUNTED:
        expected = None
    elif path.startswith("/v1/uploads"):
        expected = "upload"
    elif path.startswith("/v1/search"):
        expected = "search"
    elif path.endswith("/preview") and method == "POST":
        expected = "preview"
    elif path.startswith("/v1/comments") and (method in {"POST", "PATCH"} or path.endswith("/resolved")):
        expected = "comment"
    elif path.endswith("/unlock"):
        expected = "unlock"
    elif rule.audience == "public" and method == "POST" and path not in WITH_OWN_SECRET:
        # Whoever is not signed in and sends something tries a secret, or makes others' mail boxes full.
        expected = "auth"
    assert policy_of(handler) == expected


def test_the_gateway_itself_counts_nothing() -> None:
    handlers = [handler for route in route_apps()["gateway"].routes for handler in getattr(route, "route_handlers", ())]
    assert handlers
    assert [handler for handler in handlers if policy_of(handler) is not None] == []


def test_the_document_tells_of_the_limit_of_every_route_that_is_counted() -> None:
    paths = document()["paths"]
    counted = 0
    for method, path, handler in ROUTES:
        described = paths.get(path.replace(":str", ""), {}).get(method.lower())
        if described is None:  # routes for machines are left out
            continue
        names = {answer.get("$ref", "").rpartition("/")[2] for answer in described["responses"].values()}
        assert any("RateLimited" in name for name in names) == (policy_of(handler) is not None), path
        counted += policy_of(handler) is not None
        for status, answer in described["responses"].items():
            if status < "300":
                assert ("RateLimit" in answer["headers"]) == (policy_of(handler) is not None), path
    assert counted > 60
