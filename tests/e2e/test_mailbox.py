"""The story of a mailbox: an account is made, its address proved, its password forgotten and reset by the mails that arrive.

The stack runs in this process, because only whoever started the local cloud may look at the mail that it was given.
"""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from coffer_chassis.testing import eventually
from factories.accounts import NO_TLS
from factories.mailbox import Letters, coffer_with_mail, letter_with, link, stack_here, token_of

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""How late another service may refuse a session that ended; far less than the ten minutes that a token lives."""
OLD, NEW = "four quiet otters", "five loud badgers"


@pytest.fixture
async def letters_and_url() -> AsyncIterator[tuple[Letters, str]]:
    """A running Coffer: the mail that its local SES was given, and where it answers."""
    async with coffer_with_mail() as running:
        yield running


async def test_a_mailbox_proves_an_address_and_recovers_an_account(letters_and_url: tuple[Letters, str]) -> None:
    letters, url = letters_and_url
    async with httpx.AsyncClient(base_url=url, verify=NO_TLS, timeout=30) as http:
        ana = {"username": "ana", "email": "ana@example.org", "password": OLD}
        assert (await http.post("/v1/auth/register", json=ana)).status_code == 201
        verified = await http.post("/v1/auth/verify-email", json={"token": await link(letters, "/app/verify")})
        assert (verified.status_code, verified.json()["email_verified"]) == (200, True)
        laptop, phone = [await token_of(http, "ana@example.org", OLD) for _ in range(2)]
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
        assert await seen(http, await token_of(http, "ana", NEW)) == 200

        # Somebody else tries the address: the same answer, and a third letter to its owner, besides what warns of the reset.
        eve = {"username": "eve", "email": "ana@example.org", "password": OLD}
        assert (await http.post("/v1/auth/register", json=eve)).status_code == 201
        assert await seen(http, await token_of(http, "eve", OLD)) == 200
        await letter_with(letters, "ana@example.org", 3)


async def test_whoever_started_it_reads_the_mail_in_a_browser() -> None:
    async with stack_here() as stack:
        assert stack.mailbox_url is not None
        assert stack.mailbox_url.startswith(f"{stack.public_url}/mailbox?key=")
        async with (
            httpx.AsyncClient(verify=NO_TLS, timeout=30, follow_redirects=True) as browser,
            httpx.AsyncClient(verify=NO_TLS, timeout=30) as other,
        ):
            ana = {"username": "ana", "email": "ana@example.org", "password": OLD}
            assert (await browser.post(f"{stack.public_url}/v1/auth/register", json=ana)).status_code == 201
            url = stack.mailbox_url

            async def mailed() -> str:
                return "".join(re.findall(r'href="(/mailbox/[0-9a-f]{12})"', (await browser.get(url)).text))

            mail = stack.public_url + await eventually(mailed, within_seconds=60, every_seconds=0.3)
            assert (await other.get(mail)).status_code == 403
            page = await browser.get(mail)
            assert "Confirm your e-mail address" in page.text
            secret = re.search(r"/app/verify#token=([A-Za-z0-9_-]+)", page.text)
            assert secret
            assert secret[1] in (await browser.get(f"{mail}/html")).text
            verified = await browser.post(f"{stack.public_url}/v1/auth/verify-email", json={"token": secret[1]})
            assert verified.json()["email_verified"]


async def seen(http: httpx.AsyncClient, access: str) -> int:
    """What files, which verifies tokens by itself, answers to the token."""
    answer = await http.get("/v1/items/root/children", headers={"Authorization": f"Bearer {access}"})
    return answer.status_code
