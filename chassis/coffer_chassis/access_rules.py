"""Who may call a route: every route declares it, one gate enforces it, an app with an undeclared route is not built.

Whether a token is genuine is the verifier's word; what a caller may do with one item is decided by services.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from coffer_chassis.bearer import bearer_token
from coffer_chassis.turns import CALLER
from coffer_contracts.problems import Forbidden, InsufficientScope, Unauthenticated
from coffer_contracts.scopes import ADMIN_READ, ADMIN_WRITE

_OPT = "access"

CallerKind = Literal["user", "token", "link", "operator"]


@runtime_checkable
class Caller(Protocol):
    """What the gate needs to know of a principal."""

    @property
    def kind(self) -> CallerKind:
        """A person's session, a personal access token, a visitor of a public link, or an operator."""

    @property
    def scopes(self) -> frozenset[str]:
        """What the token was made for; sessions of people and operators need none."""

    @property
    def roles(self) -> frozenset[str]:
        """Standing of the account: `operator`."""


@runtime_checkable
class TokenVerifier(Protocol):
    """Turns a bearer token into a principal."""

    async def verify(self, token: str, /) -> Caller:
        """The principal behind `token`; raises Unauthenticated, TokenExpired or Unavailable."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """The declaration of one route."""

    audience: Literal["public", "user", "operator", "internal"]
    scopes: tuple[str, ...] = ()
    links: bool = False
    session_only: bool = False
    """No token, whatever its scopes: what it would do is for the person at the screen."""
    any_scope: bool = False
    """Said on purpose: a token of any scope may do this."""

    def scopes_for(self, method: str) -> tuple[str, ...]:
        """What a token needs: of operators' routes GET and HEAD need the right to see, everything else the right to act."""
        if self.audience != "operator":
            return self.scopes
        return (ADMIN_READ,) if method in {"GET", "HEAD"} else (ADMIN_WRITE,)

    def admit(self, caller: Caller, method: str = "POST") -> None:
        """Raises Forbidden or InsufficientScope unless `caller` may use the route with that method."""
        if self.audience == "operator":
            # A token acts for an account: the scope without the role is worth nothing.
            if caller.kind != "operator" and (caller.kind == "link" or "operator" not in caller.roles):
                raise Forbidden("only operators may do this")
        elif caller.kind == "link" and not self.links:
            raise Forbidden("a public link does not reach this far")
        if self.session_only and caller.kind != "user":
            raise Forbidden("this is for a person who is signed in, not for a token")
        if caller.kind in {"token", "link"}:
            needed = self.scopes_for(method)
            if any(scope not in caller.scopes for scope in needed):
                raise InsufficientScope("", required_scopes=list(needed))


def public() -> dict[str, AccessRule]:
    """Anyone, without a token: `@get("/health", opt=public())`."""
    return {_OPT: AccessRule("public")}


def user(*scopes: str, links: bool = False) -> dict[str, AccessRule]:
    """Any signed-in principal; tokens need every one of `scopes`. `links` also admits visitors of a public link."""
    return {_OPT: AccessRule("user", scopes, links)}


def session_only() -> dict[str, AccessRule]:
    """A person who is signed in, and no token: passwords, second factors, tokens, sessions."""
    return {_OPT: AccessRule("user", session_only=True)}


def any_token() -> dict[str, AccessRule]:
    """Any signed-in principal, also a token whatever it was made for: what it may ask about itself."""
    return {_OPT: AccessRule("user", any_scope=True)}


def operator(*, session_only: bool = False) -> dict[str, AccessRule]:
    """Operators only: `/v1/admin/...`. Their tokens need `admin:read` to see and `admin:write` to act; with `session_only`
    none will do.
    """
    return {_OPT: AccessRule("operator", session_only=session_only)}


def internal() -> dict[str, AccessRule]:
    """Only on a port that is not public: an app built with `internal=False` refuses to hold such a route."""
    return {_OPT: AccessRule("internal")}


def rule_of(handler: BaseRouteHandler) -> AccessRule | None:
    """What a handler declares, itself or through its controller or router."""
    rule = handler.opt.get(_OPT)
    return rule if isinstance(rule, AccessRule) else None


def require_declarations(routes: Iterable[BaseRoute], *, internal: bool) -> None:
    """Raise TypeError naming every route that does not say who may call it, or says so on the wrong port."""
    wrong: list[str] = []
    for route in routes:
        if not isinstance(route, HTTPRoute):
            wrong.append(f"{route.path}: only HTTP routes can be gated")
            continue
        for handler in route.route_handlers:
            rule = rule_of(handler)
            if _is_automatic_options(handler):
                continue
            if rule is None:
                wrong.append(f"{route.path} {handler}: declare public(), user(), operator() or internal() in opt")
            elif rule.audience == "internal" and not internal:
                wrong.append(f"{route.path} {handler}: an internal route in a public app")
    if wrong:
        raise TypeError("undeclared access:\n" + "\n".join(wrong))


def _is_automatic_options(handler: BaseRouteHandler) -> bool:
    return getattr(handler, "http_methods", None) == {"OPTIONS"} and rule_of(handler) is None


def gate(verifier: TokenVerifier | None) -> Callable[[ASGIApp], ASGIApp]:
    """The middleware that holds every request against its route's rule and lays the principal into `scope["user"]`.

    A middleware rather than a Litestar guard: guards copy the handler per request (8 us), hooks can be overridden.
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def gated(scope: Scope, receive: Receive, send: Send) -> None:
            handler: BaseRouteHandler = scope["route_handler"]
            rule: Any = handler.opt.get(_OPT)
            if rule is not None and rule.audience in {"user", "operator"}:
                token = bearer_token(scope["headers"])
                if token is None or verifier is None:
                    raise Unauthenticated
                caller = await verifier.verify(token)
                rule.admit(caller, str(scope.get("method")))
                scope["user"] = caller
                CALLER.set(getattr(caller, "user_id", None))
            await app(scope, receive, send)

        return gated

    return wrap
