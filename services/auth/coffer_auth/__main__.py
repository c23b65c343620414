"""`python -m coffer_auth serve|api|relay|migrate|grant-operator|...`"""

import argparse
import sys

from coffer_auth.app import build
from coffer_auth.handlers.accounts import grant_operator
from coffer_auth.settings import AuthSettings
from coffer_chassis.commands import Extra, Program, main
from coffer_chassis.service import Service
from coffer_contracts.problems import NotFound


async def make_operator(service: Service, arguments: argparse.Namespace) -> int:
    """Give an account the operator role."""
    try:
        user = await grant_operator(arguments.username, service.deps)
    except NotFound:
        print(f"There is no account {arguments.username!r}.", file=sys.stderr)
        return 1
    print(f"{user.username} is an operator from the next token on.")
    return 0


def operator_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom."""
    parser.add_argument("username")


EXTRAS = {"grant-operator": Extra(make_operator, "give an account the operator role", operator_arguments)}

if __name__ == "__main__":
    sys.exit(main(Program("coffer_auth", AuthSettings, build, EXTRAS)))
