"""`python -m coffer_auth serve|api|relay|migrate|grant-operator|revoke-operator|list-keys|rotate-keys|drop-key|...`"""

import argparse
import sys
from collections.abc import Awaitable, Callable

from coffer_auth.app import build
from coffer_auth.domain.accounts import User
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.operators import grant_operator, revoke_operator
from coffer_auth.settings import AuthSettings
from coffer_auth.store.access_tokens import signed_by
from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_chassis.signing.commands import key_commands
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


RENEWAL = "clients renew theirs by their refresh tokens."

EXTRAS = {
    "grant-operator": Extra(make_operator, "give an account the operator role, and open it if it is shut", operator_arguments),
    "revoke-operator": Extra(unmake_operator, "take the operator role from an account", operator_arguments),
    **key_commands(RENEWAL, signed_by),
}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_auth", AuthSettings, build, EXTRAS)))
