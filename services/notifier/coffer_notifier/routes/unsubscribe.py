"""Turning mail of a kind off by the link in it, over HTTP: a page that asks, and what its button or a mail program sends.

Looking at the page changes nothing, because programs that check mail for harm open every link in it (RFC 8058 section 3.1).
"""

import base64
import hashlib
from html import escape
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.params import QueryParameter

from coffer_chassis.access_rules import public
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin
from coffer_contracts.notifier import PreferencesChangedV1
from coffer_contracts.problems import NotFound
from coffer_notifier.domain.languages import LANGUAGES, language_of
from coffer_notifier.domain.letters_words import Language
from coffer_notifier.domain.unsubscribing import PATH, opened
from coffer_notifier.handlers.preferences import locale_of, unsubscribe
from coffer_notifier.routes.requests import TheDeps

_STYLE = """
:root { color-scheme: light dark }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif }
main { max-width: 32rem; margin: 0 auto; padding: 12vh 1.25rem 4rem }
button { font: inherit; padding: .6rem 1rem; border-radius: .5rem; border: 1px solid currentColor; cursor: pointer }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""Content-Security-Policy of the page: its one style sheet, its one form, and nothing else."""

EXAMPLE = "<!doctype html>…"

Token = Annotated[str, QueryParameter(description="As it stands in the mail.", max_length=200)]


@get(
    PATH,
    opt=public() | documented(raises=[NotFound], response=EXAMPLE),
    media_type=MediaType.HTML,
    operation_id="show_unsubscribe_page",
    tags=["notifications"],
    summary="Look at what the link in a mail turns off",
)
async def get_unsubscribe(token: Token, request: Request[Any, Any, Any], deps: TheDeps) -> Response[str]:
    """A page that says which mail its button turns off. Looking at it changes nothing."""
    leaving = opened(deps.settings.unsubscribe_keys, token)
    if leaving is None:
        accepted = request.headers.get("accept", "")
        if "text/html" not in accepted:
            raise NotFound
        theirs = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0]
        language = LANGUAGES[language_of(theirs)]
        return _page(language, f"<p>{escape(language.leaving.broken)}</p>", status_code=404)
    language = LANGUAGES[language_of(await locale_of(deps, leaving.user_id))]
    words = language.leaving
    question = words.question.format(kind=language.kinds[leaving.kind])
    form = (
        # Without an action it is sent to where the page came from.
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        f"<button>{escape(words.button)}</button></form>"
    )
    return _page(language, f"<p>{escape(question)}</p>{form}<p>{escape(words.again)}</p>")


@post(
    PATH,
    opt=public() | documented(raises=[NotFound], response=EXAMPLE, events=[PreferencesChangedV1.type]),
    media_type=MediaType.HTML,
    operation_id="stop_mail",
    tags=["notifications"],
    summary="Turn mail of a kind off by the link in it",
    status_code=200,
)
async def post_unsubscribe(token: Token, origin: TheOrigin, deps: TheDeps) -> Response[str]:
    """Send no more mail of the kind that the link names; what stands in the feed stays as it is. Mail programs send this by one
    click (RFC 8058), without anybody being signed in. Repeating changes nothing; the body is not looked at.
    """
    leaving = opened(deps.settings.unsubscribe_keys, token)
    if leaving is None:
        raise NotFound
    await unsubscribe(deps, origin, leaving.user_id, leaving.kind)
    language = LANGUAGES[language_of(await locale_of(deps, leaving.user_id))]
    done = language.leaving.done.format(kind=language.kinds[leaving.kind])
    return _page(language, f"<p>{escape(done)}</p><p>{escape(language.leaving.again)}</p>")


def _page(language: Language, body: str, *, status_code: int = 200) -> Response[str]:
    title = escape(language.leaving.title)
    page = (
        f'<!doctype html>\n<html lang="{language.code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(page, status_code=status_code, media_type=MediaType.HTML, headers=headers)


ROUTES = (get_unsubscribe, post_unsubscribe)
