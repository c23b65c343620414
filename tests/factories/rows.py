"""Rules that hold for every row of a list, as one test each: hundreds of tiny tests cost the runner more than themselves."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def for_every(
    names: str | tuple[str, ...], rows: Iterable[Any], ids: Callable[[Any], str] = str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like pytest's `parametrize`, in one test that goes through all rows and then names every one that fails. What fixtures
    give is the same for all rows: for rules that change nothing.
    """
    several = not isinstance(names, str)
    given = names if isinstance(names, tuple) else (names,)
    kept = list(rows)
    assert kept, "a rule for no row at all cannot fail"

    def decorated(rule: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(rule)
        assert not inspect.iscoroutinefunction(rule), "nobody would await it"
        assert set(given) <= signature.parameters.keys()

        @functools.wraps(rule)
        def ruled(**fixtures: object) -> None:
            failed: list[Exception] = []
            for row in kept:
                values = row if several else (row,)
                try:
                    rule(**dict(zip(given, values, strict=True)), **fixtures)
                except Exception as error:  # noqa: BLE001  # all of them are told, at the end
                    error.add_note(f"with {ids(row)}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(kept)} rows: {', '.join(ids_of(failed))}", failed)

        others = [parameter for name, parameter in signature.parameters.items() if name not in given]
        ruled.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]  # what pytest asks for fixtures
        return ruled

    return decorated


def ids_of(failed: list[Exception]) -> list[str]:
    """Which rows these are, as their notes say."""
    return [error.__notes__[-1].removeprefix("with ") for error in failed]
