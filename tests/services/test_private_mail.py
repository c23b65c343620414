"""From a unit in auth to a mail at SES with a working link: real topics, queues, rights and keys, both services running."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

import coffer_auth.app
import coffer_notifier.app
from coffer_auth.handlers.mail_requests import request_mail
from coffer_chassis.sealing import OpeningKey
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import eventually
from coffer_contracts.auth_mail import EMAIL_TAKEN, RESET_PASSWORD
from coffer_local.registry import topology
from factories.accounts import auth_settings, origin, registered
from factories.cloud import Cloud
from factories.databases import Database
from factories.notifier import MAIL_KEY, settings
from factories.operators import operators_client

pytestmark = pytest.mark.slow

SENDER = "Coffer <coffer@example.org>"
SECRET = "Zm9v-bar_baz.0123456789"


@asynccontextmanager
async def running(*services: Service) -> AsyncIterator[None]:
    """Services with all their loops."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for service in services:
            tasks.create_task(service.run_background(stopping))
        try:
            yield
        finally:
            stopping.set()
    for service in services:
        await service.close()


async def test_a_command_becomes_a_mail_with_a_working_link(
    cloud: Cloud, database: Database, tag: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    given = cloud.provision(topology(f"private-mail-{tag}"), mail_from=SENDER)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    coffer = CofferSettings(bucket=f"private-mail-{tag}", home=tmp_path, public_url="https://coffer.example.org")

    def keys(name: str) -> dict[str, Any]:
        access = given[name]
        return {
            "aws_access_key_id": access.access_key_id,
            "aws_secret_access_key": access.secret_access_key,
            "poll_wait_seconds": 1,
        }

    auth = await coffer_auth.app.build(
        coffer, auth_settings(database("coffer_auth"), mail_public_key=MAIL_KEY.sealing.hex, **keys("auth"))
    )
    notifier = await coffer_notifier.app.build(
        coffer, settings(database("coffer_notifier"), mail_from=SENDER, **keys("notifier"))
    )
    async with running(auth, notifier):
        user = await registered(auth.deps)
        async with auth.work.unit(origin()) as unit:
            request_mail(unit, auth.deps, user, RESET_PASSWORD, lives_for=timedelta(minutes=30), secret=SECRET)
        (mail,) = await eventually(lambda: saying("/app/reset", cloud, user.email), within_seconds=60)
        async with auth.work.unit(origin()) as unit:
            # Sealed to nobody here: it ends among the dead letters, where nobody reads it.
            strange = type(auth.deps)(**{**vars(auth.deps), "mail_key": auth_strangers_key()})
            request_mail(unit, strange, user, RESET_PASSWORD, lives_for=timedelta(minutes=30), secret=SECRET)
            request_mail(unit, auth.deps, user, EMAIL_TAKEN, lives_for=timedelta(hours=1))
        assert await eventually(lambda: saying("/app/sign-in", cloud, user.email), within_seconds=60)
        (letter,) = await eventually(lambda: letters_of(notifier), within_seconds=60)
    assert mail["Source"] == SENDER
    links = re.findall(r"https://coffer\.example\.org/app/reset#token=(\S+)", mail["BodyText"])
    assert [unquote(link) for link in links] == [SECRET]
    assert len(await saying("/app/reset", cloud, user.email)) == 1
    assert (letter["queue"], letter["event"], letter["body"]) == ("notifier-private", None, "")
    assert user.email not in repr(letter)


def auth_strangers_key() -> Any:

    return OpeningKey.of_hex("77" * 32).sealing


async def saying(words: str, cloud: Cloud, address: str) -> list[dict[str, Any]]:
    return [mail for mail in await cloud.mails_to(address) if words in mail["BodyText"]]


async def letters_of(notifier: Service) -> list[dict[str, Any]]:
    assert notifier.operations is not None
    async with operators_client(notifier.operations) as http:
        items: list[dict[str, Any]] = (await http.get("http://test/v1/admin/notifier/dead-letters")).json()["items"]
    return items
