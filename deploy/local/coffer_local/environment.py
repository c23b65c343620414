"""The settings of a local stack as environment variables: the same for services in this process and in others."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from coffer_local.credentials import Credentials
from coffer_local.home import Home, StartError, is_in_use, write_private
from coffer_local.registry import SERVICES

ISSUER = "coffer-auth"
POLL_WAIT_SECONDS = "2"
"""Open polls are awaited at a stop, never cancelled; longer ones would make Ctrl-C slow."""


AUTH_KEYS = "auth-keys"
"""Under which name the secret that seals auth's signing keys is kept."""


def cursor_key_name(service: str) -> str:
    """Under which name the key of a service's paging cursors is kept."""
    return f"cursor-{service}"


def secret_names() -> list[str]:
    """Every secret of a stack that has a name of its own."""
    return [AUTH_KEYS, *(cursor_key_name(entry.name) for entry in SERVICES)]


def local_environment(
    *,
    home: Home,
    credentials: Credentials,
    host: str,
    port: int,
    public_url: str,
    s3_public_url: str,
    cloud_url: str,
    database_urls: Mapping[str, str],
    bucket: str,
    region: str,
) -> dict[str, str]:
    """Every variable that a service of this stack needs, also when it runs as a process of its own."""
    # Read by services beside the gateway, so by the address of this machine and not the one people use.
    keys_at = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}/.well-known/jwks.json"  # noqa: S104  # compared, not bound
    issuers = [{"issuer": os.environ.get("COFFER_AUTH_ISSUER") or ISSUER, "jwks_url": keys_at, "kinds": ["access", "pat"]}]
    variables = {
        "AWS_ENDPOINT_URL": cloud_url,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COFFER_HOME": str(home.path),
        "COFFER_HOST": host,
        "COFFER_PORT": str(port),
        "COFFER_PUBLIC_URL": public_url,
        "COFFER_S3_PUBLIC_URL": s3_public_url,
        "COFFER_BUCKET": bucket,
        "COFFER_TRUSTED_ISSUERS": json.dumps(issuers),
        "COFFER_AUTH_KEY_SECRET": credentials.named[AUTH_KEYS],
    }
    for entry in SERVICES:
        key = credentials.keys[entry.name]
        variables |= {
            f"{entry.prefix}DATABASE_URL": database_urls[entry.name],
            f"{entry.prefix}CURSOR_KEY": credentials.named[cursor_key_name(entry.name)],
            f"{entry.prefix}AWS_ACCESS_KEY_ID": key.key_id,
            f"{entry.prefix}AWS_SECRET_ACCESS_KEY": key.secret,
            f"{entry.prefix}POLL_WAIT_SECONDS": POLL_WAIT_SECONDS,
        }
    return variables


def environment_file(home: Path) -> Path:
    """Where a running stack keeps its variables."""
    return home / "run" / "environment"


def write_environment(home: Home, variables: Mapping[str, str]) -> None:
    """Leave the variables for `exec`, readable by the owner only: they hold passwords."""
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
    write_private(environment_file(home.path), lines.encode())


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


def as_origins(*urls: str) -> tuple[str, ...]:
    """The web origins of addresses, without duplicates."""
    return tuple(dict.fromkeys(_origin(url) for url in urls))


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}"
