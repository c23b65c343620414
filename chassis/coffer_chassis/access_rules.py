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

    def admit(self, caller: Caller) -> None:
        """Raises Forbidden or InsufficientScope unless `caller` may use the route."""
        if self.audience == "operator":
            if caller.kind == "operator" or (caller.kind == "user" and "operator" in caller.roles):
                return
            raise Forbidden("only operators may do this")
        if caller.kind == "link" and not self.links:
            raise Forbidden("a public link does not reach this far")
        if caller.kind in {"token", "link"}:
            missing = [scope for scope in self.scopes if scope not in caller.scopes]
            if missing:
                raise InsufficientScope("", required_scopes=list(self.scopes))


def public() -> dict[str, AccessRule]:
    """Anyone, without a token: `@get("/health", opt=public())`."""
    return {_OPT: AccessRule("public")}


def user(*scopes: str, links: bool = False) -> dict[str, AccessRule]:
    """Any signed-in principal; tokens need every one of `scopes`. `links` also admits visitors of a public link."""
    return {_OPT: AccessRule("user", scopes, links)}


def operator() -> dict[str, AccessRule]:
    """Operators only: `/v1/admin/...`."""
    return {_OPT: AccessRule("operator")}


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
                rule.admit(caller)
                scope["user"] = caller
                CALLER.set(getattr(caller, "user_id", None))
            await app(scope, receive, send)

        return gated

    return wrap
