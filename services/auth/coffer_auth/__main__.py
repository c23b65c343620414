"""`python -m coffer_auth serve|api|relay|migrate|grant-operator|revoke-operator|list-keys|rotate-keys|drop-key|...`"""

import argparse
import sys
from collections.abc import Awaitable, Callable

from coffer_auth.app import build
from coffer_auth.domain.accounts import User
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.keys import drop_key, rotate_keys
from coffer_auth.handlers.operators import grant_operator, revoke_operator
from coffer_auth.settings import AuthSettings
from coffer_chassis.admin.acts import of_shell
from coffer_chassis.admin.operations import Operations
from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_contracts.problems import NotFound


async def make_operator(service: Service, arguments: argparse.Namespace) -> int:
    """Give an account the operator role."""
    return await _done(grant_operator, service, arguments, "is an operator from the next token on.")


async def unmake_operator(service: Service, arguments: argparse.Namespace) -> int:
    """Take the operator role from an account."""
    return await _done(revoke_operator, service, arguments, "is no operator any more.")


async def _done(
    command: Callable[[str, Deps], Awaitable[User]], service: Service, arguments: argparse.Namespace, told: str
) -> int:
    try:
        user = await command(arguments.username, service.deps)
    except NotFound:
        print(f"There is no account {arguments.username!r}.", file=sys.stderr)
        return 1
    print(f"{user.username} {told}")
    return 0


def operator_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom."""
    parser.add_argument("username")


async def list_keys(service: Service, _arguments: argparse.Namespace) -> int:
    """Show the signing keys: their ids and since when, or from when on, each is used."""
    now = service.work.clock.now()
    for key in await service.deps.keys.stored():
        word = "published, signs from" if key.usable_from > now else "signs since"
        print(f"{key.id}  made {key.created_at:%Y-%m-%d %H:%M:%S}Z  {word} {key.usable_from:%Y-%m-%d %H:%M:%S}Z")
    return 0


async def rotate(service: Service, _arguments: argparse.Namespace) -> int:
    """Make the next signing key now; nobody is signed out."""
    key, fresh = await rotate_keys(_operations(service), of_shell(), service.deps.keys)
    if fresh:
        print(f"{key.id} is published and signs from {key.usable_from:%Y-%m-%d %H:%M:%S}Z on. Nobody is signed out.")
    else:
        print(f"{key.id} is published already and waits for its first use at {key.usable_from:%Y-%m-%d %H:%M:%S}Z.")
    return 0


async def drop(service: Service, arguments: argparse.Namespace) -> int:
    """Withdraw a signing key that others may know."""
    try:
        successor, ended = await drop_key(_operations(service), of_shell(), service.deps.keys, arguments.key)
    except NotFound:
        print(f"There is no signing key {arguments.key!r}; `list-keys` shows them.", file=sys.stderr)
        return 1
    print(f"{arguments.key} is withdrawn, {successor.id} signs. Services refuse the tokens of the old one within 70 seconds;")
    print("clients renew theirs by their refresh tokens.")
    if ended:
        print(f"{ended} personal access tokens were signed by it and end for good: their owners have to make new ones.")
    return 0


def key_arguments(parser: argparse.ArgumentParser) -> None:
    """Which."""
    parser.add_argument("key", help="its id, as `list-keys` shows it")


def _operations(service: Service) -> Operations:
    if service.operations is None:
        raise TypeError("auth was built without what operators' commands need")
    return service.operations


EXTRAS = {
    "grant-operator": Extra(make_operator, "give an account the operator role, and open it if it is shut", operator_arguments),
    "revoke-operator": Extra(unmake_operator, "take the operator role from an account", operator_arguments),
    "list-keys": Extra(list_keys, "show the signing keys"),
    "rotate-keys": Extra(rotate, "make the next signing key now; nobody is signed out"),
    "drop-key": Extra(drop, "withdraw a signing key that others may know", key_arguments),
}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_auth", AuthSettings, build, EXTRAS)))
