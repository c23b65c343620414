"""Policies: how many requests in what time, which of them a route declares, and whom it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from litestar.handlers import BaseRouteHandler

from coffer_chassis.access_rules import rule_of
from coffer_chassis.limits.gcra import Pace
from coffer_chassis.settings import CofferSettings

WINDOW_SECONDS = 60

DEFAULT: Final = "default"
NAMES: Final = (DEFAULT, "auth", "unlock", "upload", "search", "preview", "comment")
"""`default` is what a route is counted under that declares nothing."""

_OPT = "limit"


@dataclass(frozen=True, slots=True)
class Policy:
    """A name and a quota of at least one request in WINDOW_SECONDS."""

    name: str
    quota: int
    pace: Pace
    field: tuple[bytes, bytes]
    """`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, section 3)."""

    @classmethod
    def of(cls, name: str, quota: int) -> "Policy":
        """A policy."""
        field = (b"ratelimit-policy", f'"{name}";q={quota};w={WINDOW_SECONDS}'.encode())
        return cls(name, quota, Pace.of(quota, WINDOW_SECONDS), field)


@dataclass(frozen=True, slots=True)
class Counting:
    """What a route declares: its policy, and whom it counts. `path` names the path parameter that is counted instead of the
    caller: a secret guessed at by many belongs to one link.
    """

    policy: str | None
    path: str | None = None
    by_handler: bool = False
    """The handler counts what belongs to the policy, by `count_attempt`; the request itself counts as `default`."""


_UNDECLARED = Counting(DEFAULT)


def limited(policy: str, *, path: str | None = None, by_handler: bool = False) -> dict[str, Counting]:
    """The declaration of one route, joined to its access rule.

    As in `opt=user("files:write") | limited("upload")`. Raises ValueError for a policy that does not exist. Counted are
    signed-in callers, on public routes network addresses, and with `path` the values of that path parameter. With `by_handler`
    the handler says when something is to be counted.
    """
    if policy not in NAMES:
        raise ValueError(f"there is no policy called {policy!r}")
    return {_OPT: Counting(policy, path, by_handler)}


def unlimited() -> dict[str, Counting]:
    """For what services and probes ask of one another: key sets, health."""
    return {_OPT: Counting(None)}


def counting_of(handler: BaseRouteHandler) -> Counting | None:
    """What a route is counted under; None for routes that are not, among them what only an internal port has."""
    rule = rule_of(handler)
    found = handler.opt.get(_OPT, _UNDECLARED)
    if rule is None or rule.audience == "internal" or not isinstance(found, Counting) or found.policy is None:
        return None
    return found


def policies_of(coffer: CofferSettings) -> Mapping[str, Policy]:
    """The policies that the settings switch on, by name."""
    quotas = {name: getattr(coffer, f"limit_{name}_per_minute") for name in NAMES}
    return {name: Policy.of(name, quota) for name, quota in quotas.items() if quota > 0}
