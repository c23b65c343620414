"""Reading the mail of a local run in a browser: for whoever was told the address, from this machine, without any danger."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_local.gateway import own_app
from coffer_local.letterbox import letter_of, name_of
from coffer_local.mailbox import COOKIE, is_loopback, mailbox_address, mailbox_routes

KEY = "a-key-of-this-start"
HOSTILE = "<script>alert(1)</script>"


def mail(number: int, **changes: Any) -> dict[str, Any]:
    """As the local cloud lists it."""
    listed = {
        "MessageId": f"01a1f86a-a0e0-7675-95c4-{number:012x}@email.amazonses.com",
        "Source": "Coffer <coffer@localhost>",
        "To": ["ann@example.org"],
        "Subject": f"Hello {number}",
        "BodyText": f"Open it: https://coffer.example/app/verify#token={number}",
        "BodyHtml": f'<!doctype html><html lang="en"><head><title>x</title></head><body><a href="https://c.example/{number}">Go</a>',
        "Timestamp": 1_795_000_000.0 + number,
    }
    return listed | changes


def lay(folder: Path, *mails: dict[str, Any]) -> list[str]:
    """Into the folder, as the letterbox does; their ids."""
    folder.mkdir(exist_ok=True)
    for one in mails:
        (folder / name_of(one)).write_bytes(letter_of(one))
    return [name_of(one).removesuffix(".eml").rpartition(" ")[2] for one in mails]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The pages, and the folder that they show."""
    folder = tmp_path_factory.mktemp("home") / "mail"
    return own_app({}, mailbox_routes(folder, KEY))[0], folder


@pytest.fixture
def folder(served: tuple[Any, Path]) -> Path:
    """Where mail is laid; nothing is there yet."""
    shutil.rmtree(served[1], ignore_errors=True)
    return served[1]


@pytest.fixture
async def browser(served: tuple[Any, Path]) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on this machine, which was not told the address yet."""
    transport = httpx.ASGITransport(app=served[0])
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as http:
        yield http


async def test_the_address_of_this_start_opens_the_pages_and_its_key_goes_nowhere_else(
    browser: httpx.AsyncClient, folder: Path
) -> None:
    lay(folder, mail(1))
    opened = await browser.get(f"/mailbox?key={KEY}")
    assert (opened.status_code, opened.headers["location"]) == (303, "/mailbox")
    cookie = opened.headers["set-cookie"]
    assert all(part in cookie for part in (f"{COOKIE}={KEY}", "Path=/mailbox", "HttpOnly", "SameSite=Strict"))
    page = await browser.get("/mailbox")
    assert page.status_code == 200
    assert KEY not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "Hello 1" in page.text


@pytest.mark.parametrize(
    "path", ["/mailbox", "/mailbox?key=", "/mailbox?key=another", "/mailbox/{mail}", "/mailbox/{mail}/html"]
)
async def test_nobody_reads_without_the_key(browser: httpx.AsyncClient, folder: Path, path: str) -> None:
    [known] = lay(folder, mail(1))
    for cookies in ({}, {COOKIE: "another"}, {COOKIE: ""}):
        browser.cookies = httpx.Cookies(cookies)
        answer = await browser.get(path.format(mail=known))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "set-cookie" not in answer.headers
        assert "Hello" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.0.2.1:8080", "", "coffer.example:8080"])
async def test_a_browser_that_was_led_here_under_another_name_reads_nothing(
    browser: httpx.AsyncClient, folder: Path, host: str
) -> None:
    [known] = lay(folder, mail(1))
    browser.cookies.set(COOKIE, KEY)
    for path in (f"/mailbox?key={KEY}", "/mailbox", f"/mailbox/{known}", f"/mailbox/{known}/html"):
        answer = await browser.get(path, headers={"Host": host})
        assert answer.status_code == 404, path


async def test_another_machine_reads_nothing_even_with_the_key(served: tuple[Any, Path]) -> None:
    transport = httpx.ASGITransport(app=served[0], client=("192.0.2.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080", cookies={COOKIE: KEY}) as http:
        assert (await http.get("/mailbox")).status_code == 404


async def test_mail_is_listed_newest_first_and_shown_as_text_and_in_a_frame(browser: httpx.AsyncClient, folder: Path) -> None:
    browser.cookies.set(COOKIE, KEY)
    assert "Nothing was mailed yet." in (await browser.get("/mailbox")).text
    first, second = lay(folder, mail(1), mail(2))
    (folder / "notes.txt").write_text("mine")
    (folder / "mine.eml").write_text("mine")
    listed = (await browser.get("/mailbox")).text
    assert listed.index("Hello 2") < listed.index("Hello 1")
    assert "2026-11-18 11:06:42" in listed
    assert "mine" not in listed
    page = (await browser.get(f"/mailbox/{second}")).text
    assert f'<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/{second}/html"' in page
    assert "https://coffer.example/app/verify#token=2" in page
    frame = await browser.get(f"/mailbox/{second}/html")
    assert '<head><base target="_blank">' in frame.text
    assert 'href="https://c.example/2"' in frame.text
    assert first != second


async def test_what_mail_says_runs_nothing_and_fetches_nothing(browser: httpx.AsyncClient, folder: Path) -> None:
    browser.cookies.set(COOKIE, KEY)
    hostile = mail(
        1, Subject=HOSTILE, BodyText=HOSTILE, To=[f"{HOSTILE}@example.org"], BodyHtml=f"<img src=//evil.example>{HOSTILE}"
    )
    [known] = lay(folder, hostile)
    for path in ("/mailbox", f"/mailbox/{known}"):
        page = await browser.get(path)
        assert HOSTILE not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
    frame = await browser.get(f"/mailbox/{known}/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize("wanted", ["ffffffffffff", "*", "%2e%2e%2fsecrets", "0" * 11, "A" * 12])
async def test_nothing_else_is_read(browser: httpx.AsyncClient, folder: Path, wanted: str) -> None:
    (folder.parent / "secrets.json").write_text("secret")
    lay(folder, mail(1))
    browser.cookies.set(COOKIE, KEY)
    for path in (f"/mailbox/{wanted}", f"/mailbox/{wanted}/html"):
        assert (await browser.get(path)).status_code in {404, 422}


async def test_mail_without_html_has_no_frame(browser: httpx.AsyncClient, folder: Path) -> None:
    browser.cookies.set(COOKIE, KEY)
    [known] = lay(folder, mail(1, BodyHtml=None))
    assert "<iframe" not in (await browser.get(f"/mailbox/{known}")).text
    assert (await browser.get(f"/mailbox/{known}/html")).status_code == 404


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("coffer.example", False),
    ],
)
def test_it_is_there_on_a_loopback_address_only(host: str, is_local: bool) -> None:
    assert is_loopback(host) == is_local


def test_the_address_is_one_that_leads_to_this_machine() -> None:
    assert mailbox_address("http://localhost:8080", 8080, "k-1") == "http://localhost:8080/mailbox?key=k-1"
    assert mailbox_address("https://coffer.example.org", 8081, "k-1") == "http://localhost:8081/mailbox?key=k-1"
