"""The commands of services that sign tokens: `list-keys`, `rotate-keys`, `drop-key`."""

import argparse
import sys
from collections.abc import Mapping

from coffer_chassis.admin.acts import of_shell
from coffer_chassis.admin.operations import Operations
from coffer_chassis.commands import Extra
from coffer_chassis.service import Service
from coffer_chassis.signing.acts import Ended, drop_key, rotate_keys
from coffer_contracts.problems import NotFound


async def list_keys(service: Service, _arguments: argparse.Namespace) -> int:
    """Show the signing keys: their ids and since when, or from when on, each is used."""
    now = service.work.clock.now()
    for key in await service.deps.keys.stored():
        word = "published, signs from" if key.usable_from > now else "signs since"
        print(f"{key.id}  made {key.created_at:%Y-%m-%d %H:%M:%S}Z  {word} {key.usable_from:%Y-%m-%d %H:%M:%S}Z")
    return 0


async def rotate(service: Service, _arguments: argparse.Namespace) -> int:
    """Make the next signing key now; no token ends."""
    key, fresh = await rotate_keys(_operations(service), of_shell(), service.deps.keys)
    if fresh:
        print(f"{key.id} is published and signs from {key.usable_from:%Y-%m-%d %H:%M:%S}Z on. Nobody is signed out.")
    else:
        print(f"{key.id} is published already and waits for its first use at {key.usable_from:%Y-%m-%d %H:%M:%S}Z.")
    return 0


def key_arguments(parser: argparse.ArgumentParser) -> None:
    """Which."""
    parser.add_argument("key", help="its id, as `list-keys` shows it")


def key_commands(renewal: str, ended: Ended | None = None) -> Mapping[str, Extra]:
    """The commands for a service whose `deps.keys` is its ring. `renewal` says how clients come to new tokens."""

    async def drop(service: Service, arguments: argparse.Namespace) -> int:
        try:
            successor, lost = await drop_key(_operations(service), of_shell(), service.deps.keys, arguments.key, ended)
        except NotFound:
            print(f"There is no signing key {arguments.key!r}; `list-keys` shows them.", file=sys.stderr)
            return 1
        print(
            f"{arguments.key} is withdrawn, {successor.id} signs. Services refuse the tokens of the old one within 70 seconds;"
        )
        print(renewal)
        if lost:
            print(f"{lost} personal access tokens were signed by it and end for good: their owners have to make new ones.")
        return 0

    return {
        "list-keys": Extra(list_keys, "show the signing keys"),
        "rotate-keys": Extra(rotate, "make the next signing key now; nobody is signed out"),
        "drop-key": Extra(drop, "withdraw a signing key that others may know", key_arguments),
    }


def _operations(service: Service) -> Operations:
    if service.operations is None:
        raise TypeError(f"{service.name} was built without what operators' commands need")
    return service.operations
