"""What is wrong with an input, told field by field with RFC 6901 pointers.

Reads the errors of pydantic (bodies) and of Litestar and msgspec (parameters, struct bodies); refuses nothing itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

from litestar.exceptions import ValidationException

from coffer_contracts.problem import Place
from coffer_contracts.problems import FieldError

_PLACES = frozenset(get_args(Place))
_PYDANTIC_CODES = {
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
    "too_short": "too_few",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_pattern_mismatch": "wrong_pattern",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
}
_FIELD_IN_TEXT = re.compile(r"(unknown|required) field `([^`]*)`")
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")
_MAX_ERRORS = 50


def pointer(steps: Iterable[str | int]) -> str:
    """An RFC 6901 pointer; no steps point at the whole document."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def errors_in_body(body: Any, errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's errors about `body`, each pointing at a place that is in it (or, if missing, would be)."""
    return tuple(
        FieldError(
            pointer(_steps_in(body, error["loc"])),
            _PYDANTIC_CODES.get(error["type"], error["type"]),
            str(error["msg"]),
        )
        for error in errors[:_MAX_ERRORS]
    )


def _steps_in(body: Any, location: Sequence[str | int]) -> list[str | int]:
    # Pydantic mixes union tags and function names into the location; only what leads into the body is a step.
    steps: list[str | int] = []
    here = body
    for position, step in enumerate(location):
        if _leads_into(here, step):
            here = here[step]
        elif not (isinstance(here, dict) and position == len(location) - 1):
            continue
        steps.append(step)
    return steps


def _leads_into(here: Any, step: str | int) -> bool:
    if isinstance(here, dict):
        return step in here
    return isinstance(here, list) and isinstance(step, int) and 0 <= step < len(here)


def errors_of(error: ValidationException) -> tuple[FieldError, ...]:
    """Litestar's own findings: parameters, missing bodies, and bodies that are msgspec structs."""
    found = error.extra if isinstance(error.extra, list) else []
    return tuple(_told_by_litestar(entry) for entry in found[:_MAX_ERRORS])


def _told_by_litestar(entry: Mapping[str, Any]) -> FieldError:
    source = entry.get("source", "body")
    place = str(getattr(source, "value", source))
    place = place if place in _PLACES else "body"
    key, message = str(entry.get("key", "")), str(entry.get("message", ""))
    if place == "body":
        steps: list[str | int] = [int(m[1]) if m[1] else m[2] for m in _STEP.finditer(key)]
        steps = steps[1:] if steps[:1] == ["data"] else steps
        if message == "'data'":
            return FieldError("", "required", "a body is required")
        if named := _FIELD_IN_TEXT.search(message):
            code = "unknown_field" if named[1] == "unknown" else "required"
            return FieldError(pointer([*steps, named[2]]), code, message)
    else:
        steps = [key]
    code = "wrong_type" if message.startswith("Expected") and " got " in message else "invalid"
    return FieldError(pointer(steps), code, message, cast("Place", place))
