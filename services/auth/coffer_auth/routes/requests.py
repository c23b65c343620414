"""What requests to auth have in common, beside what all services share (`coffer_chassis.requests`)."""

from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency
from pydantic import Field

from coffer_auth.cookies import RefreshCookies
from coffer_auth.handlers.deps import Deps
from coffer_chassis.callers import Callers

SECRET = "no-store"  # noqa: S105  # a Cache-Control value: RFC 6749 section 5.1 wants it on answers with tokens

Req = Request[Any, Any, Any]
TheDeps = NamedDependency[Deps]
TheCallers = NamedDependency[Callers]
TheCookies = NamedDependency[RefreshCookies]
Locale = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)]
