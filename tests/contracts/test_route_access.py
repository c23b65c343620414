"""What every route of every service says about who may call it, held against every kind of principal that a token can make."""

from dataclasses import dataclass

import pytest

from coffer_chassis.access_rules import AccessRule, CallerKind, rule_of
from coffer_contracts.problems import Forbidden, InsufficientScope
from coffer_contracts.scopes import SCOPES
from coffer_local.registry import SERVICES
from factories.rows import for_every

ANY_SCOPE = {"/v1/auth/verify", "/verify-token"}
"""A token of any scope may ask what it is."""


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


of_every_route = for_every("route", RULES, ids=lambda row: f"{row[0]} {row[1]}")


def test_there_are_routes() -> None:
    assert len(RULES) > 40


FOR_VISITORS = {
    ("POST", "/v1/archives"),
    ("POST", "/v1/folders"),
    ("GET", "/v1/items/{item:str}"),
    ("PATCH", "/v1/items/{item:str}"),
    ("DELETE", "/v1/items/{item:str}"),
    ("GET", "/v1/items/{item:str}/children"),
    ("GET", "/v1/items/{item:str}/content"),
    ("HEAD", "/v1/items/{item:str}/content"),
    ("GET", "/v1/items/{item:str}/download-url"),
    ("GET", "/v1/items/{item:str}/preview"),
    ("GET", "/v1/items/{item:str}/preview/info"),
    ("POST", "/v1/uploads"),
    ("GET", "/v1/uploads"),
    ("GET", "/v1/uploads/{upload:str}"),
    ("PATCH", "/v1/uploads/{upload:str}"),
    ("DELETE", "/v1/uploads/{upload:str}"),
    ("POST", "/v1/uploads/{upload:str}/parts"),
    ("POST", "/v1/uploads/{upload:str}/complete"),
    ("POST", "/v1/uploads/{upload:str}/retry"),
    ("POST", "/v1/uploads/batch"),
    ("POST", "/v1/uploads/complete"),
    ("POST", "/v1/public/links/{token:str}/tickets"),
}
"""Where visitors of public links are let in: what can be done with items that were given to somebody, what they send, and
leave to download.
"""


@of_every_route
def test_a_visitor_of_a_link_is_let_in_to_items_and_nowhere_else(route: tuple[str, str, AccessRule]) -> None:
    method, path, rule = route
    if rule.audience == "public":
        return
    visitor = Caller("link", frozenset(SCOPES))
    if (method, path) in FOR_VISITORS:
        rule.admit(visitor, method)
        for scope in rule.scopes:
            with pytest.raises(InsufficientScope):
                rule.admit(Caller("link", frozenset(SCOPES) - {scope}), method)
        return
    with pytest.raises(Forbidden):
        rule.admit(visitor)


@of_every_route
def test_a_token_needs_every_scope_that_the_route_names(route: tuple[str, str, AccessRule]) -> None:
    method, path, rule = route
    if rule.audience == "public" or rule.session_only:
        return
    needed = rule.scopes_for(method)
    assert set(needed) <= set(SCOPES)
    assert needed or (rule.any_scope and path in ANY_SCOPE), "a route that a token may use names its scope"
    roles = frozenset({"operator"})
    rule.admit(Caller("token", frozenset(needed), roles), method)
    for left_out in needed:
        with pytest.raises(InsufficientScope):
            rule.admit(Caller("token", frozenset(SCOPES) - {left_out}, roles), method)


@of_every_route
def test_a_token_of_one_scope_reaches_what_the_scope_says_and_no_more(route: tuple[str, str, AccessRule]) -> None:
    method, _, rule = route
    if rule.audience == "public":
        return
    for scope in (None, *SCOPES):
        caller = Caller("token", frozenset({scope} if scope else ()), frozenset({"operator"}))
        try:
            rule.admit(caller, method)
        except (Forbidden, InsufficientScope):
            admitted = False
        else:
            admitted = True
        assert admitted == (not rule.session_only and set(rule.scopes_for(method)) <= caller.scopes), scope


@of_every_route
def test_no_token_reaches_what_is_for_people_only(route: tuple[str, str, AccessRule]) -> None:
    method, _, rule = route
    if rule.session_only:
        roles = frozenset({"operator"})
        rule.admit(Caller("user", roles=roles), method)
        with pytest.raises(Forbidden):
            rule.admit(Caller("token", frozenset(SCOPES), roles), method)


@of_every_route
def test_security_settings_are_for_people_only(route: tuple[str, str, AccessRule]) -> None:
    _, path, rule = route
    if path.startswith(("/v1/me/mfa", "/v1/me/tokens", "/v1/me/password", "/v1/auth/step-up", "/v1/auth/logout")):
        assert rule.session_only


@of_every_route
def test_reading_never_needs_a_scope_for_writing(route: tuple[str, str, AccessRule]) -> None:
    method, _, rule = route
    wanted = {scope for scope in rule.scopes_for(method) if scope.endswith(":write")}
    assert bool(wanted) <= (method not in {"GET", "HEAD"})


@of_every_route
def test_operators_routes_are_for_operators(route: tuple[str, str, AccessRule]) -> None:
    method, path, rule = route
    assert (rule.audience == "operator") == path.startswith(("/v1/admin/", "/v1/audit"))
    if rule.audience == "operator":
        rule.admit(Caller("user", roles=frozenset({"operator"})), method)
        for caller in (Caller("user"), Caller("token", frozenset(SCOPES)), Caller("link", frozenset(SCOPES))):
            with pytest.raises(Forbidden):
                rule.admit(caller, method)
