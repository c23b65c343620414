"""The story of a mailbox: an account is made, its address proved, its password forgotten and reset by the mails that arrive.

The stack runs in this process, because only whoever started the local cloud may look at the mail that it was given.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_chassis.testing import eventually
from coffer_local.stack import Options, Stack
from factories.accounts import NO_TLS
from factories.memory import in_memory
from factories.ports import free_port

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 5
"""How late another service may refuse a session that ended; far less than the ten minutes that a token lives."""
OLD, NEW = "four quiet otters", "five loud badgers"

Letters = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def letters_and_url() -> AsyncIterator[tuple[Letters, str]]:
    """A running Coffer: the mail that its local SES was given, and where it answers."""
    before, stopping = dict(os.environ), asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="coffer-e2e-", dir=in_memory(), ignore_cleanup_errors=True) as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)
        stack = Stack(Options(home=Path(folder) / "home", port=free_port()))

        async def letters() -> list[dict[str, Any]]:
            return await stack._cloud.ses_messages()  # nobody but the launcher has the secret for it

        try:
            async for _ in stack.run(stopping):
                yield letters, f"http://127.0.0.1:{stack.options.port}"
                stopping.set()
        finally:
            os.environ.clear()
            os.environ.update(before)


async def test_a_mailbox_proves_an_address_and_recovers_an_account(letters_and_url: tuple[Letters, str]) -> None:
    letters, url = letters_and_url
    async with httpx.AsyncClient(base_url=url, verify=NO_TLS, timeout=30) as http:
        ana = {"username": "ana", "email": "ana@example.org", "password": OLD}
        assert (await http.post("/v1/auth/register", json=ana)).status_code == 201
        verified = await http.post("/v1/auth/verify-email", json={"token": await link(letters, "/app/verify")})
        assert (verified.status_code, verified.json()["email_verified"]) == (200, True)
        laptop, phone = [await token(http, "ana@example.org", OLD) for _ in range(2)]
        assert [await seen(http, one) for one in (laptop, phone)] == [200, 200]

        assert (await http.post("/v1/auth/password/forgot", json={"email": "ana@example.org"})).status_code == 202
        secret = await link(letters, "/app/reset")
        body = {"token": secret, "new_password": NEW}
        assert (await http.post("/v1/auth/password/reset", json=body)).status_code == 204
        assert (await http.post("/v1/auth/password/reset", json=body)).json()["code"] == "link_expired"
        for old in (laptop, phone):

            async def refused(old: str = old) -> bool:
                return await seen(http, old) == 401

            await eventually(refused, within_seconds=WITHIN_SECONDS)
        refusal = await http.post("/v1/auth/login", json={"login": "ana", "password": OLD})
        assert refusal.json()["code"] == "invalid_credentials"
        assert await seen(http, await token(http, "ana", NEW)) == 200

        # Somebody else tries the address: the same answer, and a third letter to its owner, besides what warns of the reset.
        eve = {"username": "eve", "email": "ana@example.org", "password": OLD}
        assert (await http.post("/v1/auth/register", json=eve)).status_code == 201
        assert await seen(http, await token(http, "eve", OLD)) == 200
        await letter_with(letters, "ana@example.org", 3)


async def token(http: httpx.AsyncClient, login: str, password: str) -> str:
    """An access token of a new session."""
    answer = await http.post("/v1/auth/login", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    access: str = answer.json()["access_token"]
    return access


async def seen(http: httpx.AsyncClient, access: str) -> int:
    """What files, which verifies tokens by itself, answers to the token."""
    answer = await http.get("/v1/items/root/children", headers={"Authorization": f"Bearer {access}"})
    return answer.status_code


async def letter_with(letters: Letters, address: str, at_least: int) -> None:
    """Wait for so many letters to an address."""

    async def arrived() -> bool:
        return sum(address in str(letter) for letter in await letters()) >= at_least

    await eventually(arrived, within_seconds=15)


async def link(letters: Letters, place: str) -> str:
    """The secret of the newest link to that place in the web app, as it stands in a letter."""

    async def found() -> str:
        texts = [str(letter).replace("=\\r\\n", "").replace("=\\n", "").replace("=3D", "=") for letter in await letters()]
        secrets = [match[1] for text in texts for match in re.finditer(rf"{place}#token=(cof_mail_[A-Za-z0-9_-]{{43}})", text)]
        return secrets[-1] if secrets else ""

    return await eventually(found, within_seconds=15)
