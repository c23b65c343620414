"""What every route of every service says about who may call it, held against every kind of principal that a token can make."""

from dataclasses import dataclass

import pytest

from coffer_chassis.access_rules import AccessRule, CallerKind, rule_of
from coffer_contracts.problems import Forbidden, InsufficientScope
from coffer_local.registry import SERVICES

SCOPES = {"files:read", "files:write", "shares:write", "account:read", "account:write", "events:read", "webhooks:write"}
"""What a personal access token can be made for (beside operators' scopes)."""

WITHOUT_SCOPE = {"/v1/auth/logout", "/v1/auth/verify", "/verify-token"}
"""About the session itself: a token of any scope may ask what it is."""


@dataclass(frozen=True)
class Caller:
    kind: CallerKind
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


def rules() -> list[tuple[str, str, AccessRule]]:
    """Method, path and rule of every route of every service."""
    return [
        (str(method), path, rule)
        for entry in SERVICES
        for handler in entry.routes
        for path in sorted(handler.paths)
        for method in sorted(map(str, handler.http_methods))
        if (rule := rule_of(handler)) is not None
    ]


RULES = rules()


@pytest.fixture(params=RULES, ids=lambda row: f"{row[0]} {row[1]}")
def route(request: pytest.FixtureRequest) -> tuple[str, str, AccessRule]:
    row: tuple[str, str, AccessRule] = request.param
    return row


def test_there_are_routes() -> None:
    assert len(RULES) > 40


def test_a_visitor_of_a_link_is_let_in_nowhere_yet(route: tuple[str, str, AccessRule]) -> None:
    _, _, rule = route
    if rule.audience == "public":
        return
    with pytest.raises(Forbidden):
        rule.admit(Caller("link", frozenset(SCOPES)))


def test_a_token_needs_every_scope_that_the_route_names(route: tuple[str, str, AccessRule]) -> None:
    _, path, rule = route
    if rule.audience != "user":
        return
    assert set(rule.scopes) <= SCOPES
    assert rule.scopes or path in WITHOUT_SCOPE, "a route that a token may use names its scope"
    rule.admit(Caller("token", frozenset(rule.scopes)))
    for left_out in rule.scopes:
        with pytest.raises(InsufficientScope):
            rule.admit(Caller("token", frozenset(SCOPES - {left_out})))


def test_reading_never_needs_a_scope_for_writing(route: tuple[str, str, AccessRule]) -> None:
    method, _, rule = route
    wanted = {scope for scope in rule.scopes if scope.endswith(":write")}
    assert bool(wanted) <= (method not in {"GET", "HEAD"})


def test_operators_routes_are_for_operators(route: tuple[str, str, AccessRule]) -> None:
    _, path, rule = route
    assert (rule.audience == "operator") == path.startswith(("/v1/admin/", "/v1/audit"))
    if rule.audience == "operator":
        rule.admit(Caller("user", roles=frozenset({"operator"})))
        for caller in (Caller("user"), Caller("token", frozenset(SCOPES)), Caller("link")):
            with pytest.raises(Forbidden):
                rule.admit(caller)
