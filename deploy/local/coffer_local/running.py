"""The variables of a running stack, left where commands beside it find them: `python -m coffer_local exec COMMAND`.

What they are is said in `environment`; this file imports no service, so that a command starts at once.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from coffer_local.home import Home, StartError, is_in_use, write_private


def as_script(variables: Mapping[str, str]) -> bytes:
    """The variables as lines that a shell can read in."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())).encode()


def environment_file(home: Path) -> Path:
    """Where a running stack keeps its variables."""
    return home / "run" / "environment"


def write_environment(home: Home, variables: Mapping[str, str]) -> None:
    """Leave the variables for `exec`, readable by the owner only: they hold passwords."""
    write_private(environment_file(home.path), as_script(variables))


def forget_environment(home: Home) -> None:
    """Remove the variables at a stop: nothing answers to them any more. May run twice."""
    environment_file(home.path).unlink(missing_ok=True)


def run_in_environment(home: Path, command: list[str]) -> None:
    """Replace this process by `command` with the variables of the running stack.

    Raises StartError if none runs, or if there is no such command.
    """
    if not command:
        raise StartError("Say which command to run, as in `exec python -m coffer_files dead-letters list`.")
    try:
        # The file outlives a stack that was killed, and its passwords lead nowhere then.
        if not is_in_use(home):
            raise FileNotFoundError
        lines = environment_file(home).read_text().splitlines()
    except OSError as error:
        raise StartError(f"No Coffer is running on {home}: start it with make run first.") from error
    variables = dict(line.removeprefix("export ").partition("=")[::2] for line in lines)
    for name, value in variables.items():
        os.environ.setdefault(name, "".join(shlex.split(value)))
    try:
        os.execvp(command[0], command)  # noqa: S606  # the operator's own command
    except OSError as error:
        raise StartError(f"{command[0]} cannot be run ({error.strerror}).") from error
