"""Settings are frozen: equal ones are made once. Reading the environment for each takes longer than many a test."""

from functools import cache
from typing import Any, TypeVar

from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


def frozen(of: type[S], **values: Any) -> S:
    """Settings with these values; the environment is read the first time only."""
    try:
        made: S = _made(of, tuple(values.items()))
    except TypeError:  # a value that cannot be hashed
        made = of(**values)
    return made


@cache
def _made(of: type[Any], values: tuple[tuple[str, Any], ...]) -> Any:
    return of(**dict(values))
