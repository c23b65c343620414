"""What a problem is: a refusal with a stable code, and the branches of the tree drawn in `problems`.

How a problem looks on the wire (RFC 9457) is the chassis' business, not this file's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

Place = Literal["body", "query", "path", "header"]

_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
_RESERVED = frozenset(
    {"type", "title", "status", "code", "detail", "instance", "request_id", "trace_id", "errors", "retry_after_seconds"}
)
_by_code: "dict[str, type[Problem]]" = {}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with the input: `pointer` is an RFC 6901 pointer into the `place` named."""

    pointer: str
    code: str
    detail: str
    place: Place = "body"


class Problem(Exception):
    """A refusal. `code`, `status` and `title` are class constants, given as class keywords.

    Classes without a code are branches of the tree: they are caught, never raised.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 0
    title: ClassVar[str] = ""
    example: ClassVar[Mapping[str, object]] = {}
    """Extension members as a reader of the docs would see them."""

    def __init_subclass__(
        cls, *, code: str = "", status: int = 0, title: str = "", example: Mapping[str, object] | None = None
    ) -> None:
        """Set the constants and register the code; raises TypeError if it is malformed or taken."""
        super().__init_subclass__()
        cls.code = code
        cls.status = status or cls.status
        cls.title = title
        cls.example = example or {}
        if not code:
            return
        if not _CODE.fullmatch(code) or not title or not 400 <= cls.status <= 599:
            raise TypeError(f"{cls.__name__} needs a snake_case code, a title and an error status")
        if code in _by_code:
            raise TypeError(f"code {code} belongs to {_by_code[code].__name__}")
        _by_code[code] = cls

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
        **extensions: object,
    ) -> None:
        """`detail` is for people and speaks of this occurrence; `extensions` become members of the document.

        Raises TypeError for a branch, and for an extension that would overwrite a member the chassis writes.
        """
        if not self.code:
            raise TypeError(f"{type(self).__name__} is a branch of the tree; raise one of its leaves")
        if taken := _RESERVED.intersection(extensions):
            raise TypeError(f"reserved members: {sorted(taken)}")
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds
        self.extensions: dict[str, object] = extensions


class BadRequest(Problem, status=400):
    """The request cannot be read."""


class NotSignedIn(Problem, status=401):
    """Who is asking is not established."""


class Refused(Problem, status=403):
    """Who is asking is known and may not do this."""


class Conflict(Problem, status=409):
    """The request is fine, the present state is in its way."""


class Gone(Problem, status=410):
    """It was there and will not come back."""


class Unprocessable(Problem, status=422):
    """The request can be read, but its values break a rule."""


class Temporary(Problem, status=503):
    """May succeed later unchanged: clients wait `Retry-After` and repeat, consumers leave the message to redelivery."""


def all_problems() -> tuple[type[Problem], ...]:
    """Every class with a code that has been imported, sorted by status and code: the source of docs/problems.md."""
    return tuple(sorted(_by_code.values(), key=lambda kind: (kind.status, kind.code)))


def problem_by_code(code: str) -> type[Problem] | None:
    """The class of a code, for clients that turn answers back into exceptions and for the page of a code."""
    return _by_code.get(code)
