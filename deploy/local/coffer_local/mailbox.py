"""A page on which the mail of a local run is read: below `/mailbox`, for browsers on this machine that bring its key.

Mail holds links that open accounts, and this machine may have other users, so the address that the start prints has a key in
it, made anew at each start. The first visit turns it into a cookie, which no other path of the server is sent and no script
reads. What mail says is shown in a frame that runs no script, fetches nothing and belongs to no origin.
"""

import asyncio
import base64
import hashlib
import hmac
import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from coffer_chassis.access_rules import public
from coffer_chassis.limits.policies import unlimited
from coffer_contracts.problems import Forbidden, NotFound
from coffer_local.letterbox import KEPT

PATH = "/mailbox"
COOKIE = "coffer_mailbox"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names by which a browser on this machine asks. By another one it may have been led here from elsewhere (DNS rebinding)."""

_STYLE = """
:root { color-scheme: light dark }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; vertical-align: top; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid #8886 }
iframe { width: 100%; height: 32rem; border: 1px solid #8886; border-radius: .5rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Content-Security-Policy of the pages: their style sheet, the frame, and nothing else."""
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'"
)
"""Of what mail says: no script, no form, nothing fetched; its links open in a tab of their own."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d) .* ([0-9a-f]{12})\.eml", re.ASCII)
_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)

Key = Annotated[str | None, QueryParameter(name="key", description="The key of this start.", max_length=200)]
MailId = Annotated[str, PathParameter(max_length=12)]


def is_loopback(host: str) -> bool:
    """Whether a server that listens on `host` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def mailbox_routes(folder: Path, key: str) -> list[HTTPRouteHandler]:
    """The pages over a folder of mail, for whoever has the key. To be served on a loopback address only."""

    @get(PATH, opt=public() | unlimited(), media_type=MediaType.HTML, include_in_schema=False)
    async def get_mailbox(request: Request[Any, Any, Any], given: Key = None) -> Response[str]:
        if given is not None:
            _require_local(request)
            if not hmac.compare_digest(given.encode(), key.encode()):
                raise Forbidden(_HOW)
            cookie = f"{COOKIE}={key}; Path={PATH}; HttpOnly; SameSite=Strict"
            return Response("", status_code=303, headers={"Location": PATH, "Set-Cookie": cookie, "Cache-Control": "no-store"})
        _require_key(request, key)
        return _page("Mail of this Coffer", await asyncio.to_thread(_listed, folder))

    @get(PATH + "/{mail:str}", opt=public() | unlimited(), media_type=MediaType.HTML, include_in_schema=False)
    async def get_mail(mail: MailId, request: Request[Any, Any, Any]) -> Response[str]:
        _require_key(request, key)
        letter = await asyncio.to_thread(_read, folder, mail)
        return _page(str(letter["Subject"] or "Mail"), _shown(mail, letter))

    @get(PATH + "/{mail:str}/html", opt=public() | unlimited(), media_type=MediaType.HTML, include_in_schema=False)
    async def get_mail_html(mail: MailId, request: Request[Any, Any, Any]) -> Response[str]:
        _require_key(request, key)
        html = _part(await asyncio.to_thread(_read, folder, mail), "html")
        if html is None:
            raise NotFound
        # Links lead out of the frame, which may not be led anywhere itself.
        return _html(html.replace("<head>", '<head><base target="_blank">', 1), MAIL_POLICY)

    return [get_mailbox, get_mail, get_mail_html]


def mailbox_address(public_url: str, port: int, key: str) -> str:
    """What the start prints: the address that people use if it is this machine's, else `localhost`."""
    parts = urlsplit(public_url)
    base = public_url if parts.hostname in LOCAL_NAMES else f"http://localhost:{port}"
    return f"{base}{PATH}?key={quote(key)}"


_HOW = "Open the address that Coffer printed when it was started; it is new at each start."


def _require_local(request: Request[Any, Any, Any]) -> None:
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    client = request.client
    if host not in LOCAL_NAMES or client is None or not is_loopback(client.host):
        raise NotFound


def _require_key(request: Request[Any, Any, Any], key: str) -> None:
    _require_local(request)
    if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), key.encode()):
        raise Forbidden(_HOW)


def _listed(folder: Path) -> str:
    paths = sorted(folder.glob("*.eml"), reverse=True)[:KEPT]
    rows = [row for path in paths if (row := _row(path))]
    if not rows:
        return "<p>Nothing was mailed yet.</p>"
    return f"<table><tr><th>When (UTC)<th>To<th>Subject{''.join(rows)}</table>"


def _row(path: Path) -> str | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    try:
        letter = _parsed(path)
    except FileNotFoundError:  # the oldest go while newer ones come
        return None
    when = found[1].replace("T", " ").replace("-", ":").replace(":", "-", 2)
    link = f'<a href="{PATH}/{found[2]}">{escape(str(letter["Subject"] or "(none)"))}</a>'
    return f"<tr><td>{escape(when)}<td>{escape(str(letter['To'] or ''))}<td>{link}"


def _read(folder: Path, mail: str) -> EmailMessage:
    """Raises NotFound for what is not in the folder."""
    if not _ID.fullmatch(mail):
        raise NotFound
    try:
        return _parsed(next(folder.glob(f"* {mail}.eml")))
    except (StopIteration, FileNotFoundError):
        raise NotFound from None


def _parsed(path: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())


def _part(letter: EmailMessage, kind: str) -> str | None:
    part = letter.get_body((kind,))
    return str(part.get_content()) if part is not None else None


def _shown(mail: str, letter: EmailMessage) -> str:
    head = "".join(
        f"<tr><th>{name}<td>{escape(str(letter[name]))}" for name in ("Date", "From", "To", "Subject") if letter[name]
    )
    frame = ""
    if _part(letter, "html") is not None:
        sandbox = "allow-popups allow-popups-to-escape-sandbox"
        frame = f'<iframe sandbox="{sandbox}" src="{PATH}/{mail}/html" title="The mail"></iframe>'
    text = escape(_part(letter, "plain") or "")
    return f"<p><a href='{PATH}'>All mail</a></p><table>{head}</table><p>{frame}</p><h2>As text</h2><pre>{text}</pre>"


def _page(title: str, body: str) -> Response[str]:
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main>"
        "</body></html>\n"
    )
    return _html(page, PAGE_POLICY)


def _html(text: str, content_policy: str) -> Response[str]:
    headers = {"Content-Security-Policy": content_policy, "Cache-Control": "no-store"}
    return Response(text, media_type=MediaType.HTML, headers=headers)
