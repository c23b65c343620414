"""Asking for mail: in the transaction that needs it, sealed to the notifier, and nowhere else."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from coffer_auth.handlers.mail_requests import request_mail
from coffer_chassis.sealing import open_sealed
from coffer_chassis.testing import FixedClock
from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL, MailRequestedV1
from coffer_contracts.catalog import parse
from factories.accounts import MAIL_KEY, auth_deps, origin, registered
from factories.databases import Database

SECRET = "a-token-that-nobody-sees"


@pytest.fixture(scope="module")
def store_url_of_auth(database: Database) -> str:
    return database("coffer_auth")


async def test_a_request_is_sealed_and_waits_in_an_outbox_of_its_own(store_url_of_auth: str) -> None:
    clock = FixedClock()
    async with auth_deps(store_url_of_auth, clock=clock) as deps:
        user = await registered(deps)
        async with deps.work.unit(origin()) as unit:
            request_mail(unit, deps, user, RESET_PASSWORD, lives_for=timedelta(minutes=30), secret=SECRET)
            request_mail(unit, deps, user, EMAIL_CHANGED, lives_for=timedelta(days=7), address="old@example.org")
        async with deps.work.read() as connection:
            bodies = list((await connection.execute(text("SELECT body FROM private_outbox ORDER BY position"))).scalars())
            public = list((await connection.execute(text("SELECT body FROM outbox"))).scalars())
    assert SECRET not in repr(bodies) + repr(public)
    assert "old@example.org" not in repr(public)
    first, second = (parse(body).data for body in bodies)
    assert isinstance(first, MailRequestedV1)
    assert isinstance(second, MailRequestedV1)
    assert first.sealed is not None
    assert open_sealed([MAIL_KEY], first.sealed, first.context) == SECRET.encode()
    assert (first.address, first.locale, first.expires_at) == (user.email, user.locale, clock.now() + timedelta(minutes=30))
    assert (second.address, second.sealed, second.user_id) == ("old@example.org", None, user.id)


@pytest.mark.parametrize(("kind", "secret"), [(VERIFY_EMAIL, None), (RESET_PASSWORD, None), (EMAIL_TAKEN, SECRET)])
async def test_a_secret_is_neither_forgotten_nor_sent_along(store_url_of_auth: str, kind: str, secret: str | None) -> None:
    async with auth_deps(store_url_of_auth) as deps:
        user: Any = await registered(deps)
        async with deps.work.unit(origin()) as unit:
            with pytest.raises(ValueError, match="secret"):
                request_mail(unit, deps, user, kind, lives_for=timedelta(hours=1), secret=secret)
