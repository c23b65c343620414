"""Problems on the wire: RFC 9457 documents, and the handlers that turn every exception of an app into one.

Which problems exist is said in `coffer_contracts.problems`; who is asking and what is allowed is not decided here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import DBAPIError

from coffer_chassis.input_errors import errors_of
from coffer_chassis.logs import get_logger
from coffer_chassis.outages import outage_of
from coffer_chassis.request_context import PROBLEM_KEY, RequestContext
from coffer_contracts.problems import (
    FieldError,
    Forbidden,
    Internal,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)

RETRY_SECONDS = 5
"""After a 429 or 503 whose end nobody knows (RFC 9110 section 15.6.4)."""
MEDIA_TYPE = "application/problem+json"

log = get_logger()

_NO_TEXT = "22021"
"""PostgreSQL's character_not_in_repertoire: U+0000 in a query or a path. Bodies are refused where they are read."""

_BY_STATUS: dict[int, type[Problem]] = {
    400: MalformedRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
    429: RateLimited,
    503: Unavailable,
}


def type_address(base: str, code: str) -> str:
    """The stable address of a code: it ends in the code with dashes and leads to a page about it."""
    return f"{base.rstrip('/')}/problems/{code.replace('_', '-')}"


def document(problem: Problem, *, base: str, context: RequestContext | None = None) -> dict[str, object]:
    """The members of a problem; without a context (inside a batch or a job) it names no request."""
    members: dict[str, object] = {
        "type": type_address(base, problem.code),
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if context is not None and context.request_id:
        members["instance"] = f"urn:uuid:{context.correlation_id}"
        members["request_id"] = context.request_id
        if context.trace_id:
            members["trace_id"] = context.trace_id
    if problem.errors:
        members["errors"] = [
            {"pointer": error.pointer, "code": error.code, "detail": error.detail, "in": error.place}
            for error in problem.errors
        ]
    if problem.retry_after_seconds is not None:
        members["retry_after_seconds"] = problem.retry_after_seconds
    return members | problem.extensions


def headers_of(problem: Problem) -> dict[str, str]:
    """What HTTP demands beside the document: a challenge on 401 (RFC 6750 section 3), Retry-After on every 429 and 503, and
    wherever else it is known.
    """
    headers: dict[str, str] = {}
    if problem.status == 401:
        known = {"token_expired": ' error="invalid_token", error_description="expired"'}
        headers["WWW-Authenticate"] = 'Bearer realm="coffer"' + (f",{known[problem.code]}" if problem.code in known else "")
    elif problem.code == "insufficient_scope":
        scopes = problem.extensions.get("required_scopes", ())
        listed = " ".join(str(scope) for scope in scopes) if isinstance(scopes, list | tuple) else ""
        headers["WWW-Authenticate"] = f'Bearer realm="coffer", error="insufficient_scope", scope="{listed}"'
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    elif problem.status in {429, 503}:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return headers


class ProblemAnswers:
    """The exception handlers of one app; `base` is where the pages about codes stand, without a slash at its end."""

    def __init__(self, base: str, *, max_body_bytes: int) -> None:
        self._base = base
        self._max_body_bytes = max_body_bytes

    def handlers(self) -> dict[int | type[Exception], Any]:
        """For `Litestar(exception_handlers=...)`: one per root of an exception tree, subclasses are found by it."""
        return {Problem: self.on_problem, HTTPException: self.on_http_exception, Exception: self.on_exception}

    def on_problem(self, request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
        """A refusal someone raised on purpose; a 5xx among them is logged."""
        if problem.status >= 500:
            log.warning("problem", code=problem.code, detail=problem.detail, exc_info=problem.__cause__)
        return self._answer(request, problem)

    def on_http_exception(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        """What Litestar itself refuses: routing, parsing, limits."""
        if isinstance(error, ValidationException):
            return self._answer(request, _refused_input(errors_of(error)))
        kind = _BY_STATUS.get(error.status_code)
        if kind is None or error.status_code >= 500:
            return self.on_exception(request, error)
        if kind is TooLarge:
            return self._answer(request, TooLarge(f"at most {self._max_body_bytes} bytes", limit=self._max_body_bytes))
        detail = "" if kind is NotFound else error.detail
        return self._answer(request, kind(detail), error.headers)

    def on_exception(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """An outage, or a fault of ours: the log gets the cause, the answer at most what to do about it."""
        if (outage := outage_of(error)) is not None:
            log.warning("outage", code=outage.code, error=repr(error))
            return self._answer(request, outage)
        if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _NO_TEXT:
            return self._answer(request, ValidationFailed("text cannot hold U+0000"))
        log.error("request_failed", error_type=type(error).__name__, exc_info=error)
        return self._answer(request, Internal("the request id leads to the cause in the log"))

    def _answer(
        self, request: Request[Any, Any, Any], problem: Problem, headers: Mapping[str, str] | None = None
    ) -> Response[bytes]:
        scope: Any = request.scope
        scope[PROBLEM_KEY] = problem.code
        members = document(problem, base=self._base, context=RequestContext.of(request.scope))
        return Response(
            msgspec.json.encode(members, enc_hook=str),
            status_code=problem.status,
            media_type=MEDIA_TYPE,
            headers=headers_of(problem) | {name.title(): value for name, value in (headers or {}).items()},
        )


def _refused_input(errors: tuple[FieldError, ...]) -> Problem:
    if any(error.place == "path" for error in errors):
        return NotFound()  # an id that cannot exist is the same as one that does not
    return ValidationFailed(errors[0].detail if errors else "", errors=errors)
