"""The documentation in a browser: the API reference under `/docs`, and a page for every problem code.

Everything comes from this server: the viewer is vendored, and the policy of the page forbids every other origin. What
the reference says is made by `openapi`.
"""

import gzip
import json
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from coffer_chassis.access_rules import public
from coffer_chassis.limits.policies import unlimited
from coffer_contracts.problems import NotFound, Problem, all_problems, problem_by_code

RAPIDOC_VERSION = "9.3.8"
RAPIDOC_SHA256 = "affbd173a65e870e18f392cca963113bcdafb6e50e88cd2f6a834a65b22db94d"
RAPIDOC_PATH = f"/docs/rapidoc-{RAPIDOC_VERSION}.js"

_THEME_SCRIPT = """
const doc = document.querySelector("rapi-doc");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => doc.setAttribute("theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", follow);
follow();
"""
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 48rem; margin: 0 auto; padding: 2rem 1rem; }
code { font-family: ui-monospace, monospace; }
th, td { text-align: start; vertical-align: top; padding: .25rem 1rem .25rem 0; }
"""


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


_COMMON_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
VIEWER_POLICY = (
    # the viewer styles its shadow tree with style attributes, which only 'unsafe-inline' allows; scripts stay strict
    f"{_COMMON_POLICY}; script-src 'self' {_hashed(_THEME_SCRIPT)}; style-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'"
)
PAGE_POLICY = f"{_COMMON_POLICY}; style-src {_hashed(_STYLE)}"


def docs_page(*, title: str = "Coffer API", schema_path: str = "/schema/openapi.json") -> str:
    """The page that shows the document at `schema_path`; it follows the reader's light or dark preference."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
<script type="module" src="{RAPIDOC_PATH}"></script>
</head>
<body>
<rapi-doc spec-url="{escape(schema_path)}" render-style="read" show-header="false" load-fonts="false"
 regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace" allow-spec-url-load="false"
 allow-spec-file-load="false" allow-spec-file-download="true" allow-server-selection="false"
 show-method-in-nav-bar="as-colored-text" use-path-in-nav-bar="false" schema-style="table" sort-tags="true"
 persist-auth="false"></rapi-doc>
<script>{_THEME_SCRIPT}</script>
</body>
</html>
"""


def problem_page(kind: type[Problem]) -> str:
    """What a reader finds behind the `type` address of a problem."""
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code><td><code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
        for name, value in kind.example.items()
    )
    extensions = f"<h2>Members of its own, by example</h2><table>{rows}</table>" if rows else ""
    return _plain_page(
        kind.title,
        f"<h1>{escape(kind.title)}</h1><p><code>{kind.code}</code>, HTTP status {kind.status}</p>"
        f"<p>{escape(kind.__doc__ or '')}</p>{extensions}<p><a href='/docs/problems'>All problems</a></p>",
    )


def problems_page() -> str:
    """All codes with their status and meaning."""
    rows = "".join(
        f"<tr><td>{kind.status}<td><a href='/docs/problems/{kind.code.replace('_', '-')}'><code>{kind.code}</code></a>"
        f"<td>{escape(kind.__doc__ or '')}"
        for kind in all_problems()
    )
    return _plain_page("Problems", f"<h1>Problems</h1><table><tr><th>Status<th>Code<th>Meaning{rows}</table>")


def _plain_page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(title)}</title><link rel='icon' href='data:,'><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


@lru_cache(maxsize=2)
def rapidoc(*, compressed: bool) -> bytes:
    """The vendored viewer, as it is or gzipped; read once per process."""
    if compressed:
        return gzip.compress(rapidoc(compressed=False), mtime=0)
    return (files("coffer_chassis") / "vendor" / "rapidoc" / "rapidoc-min.js").read_bytes()


def docs_routes(*, title: str = "Coffer API", schema_path: str = "/schema/openapi.json") -> list[HTTPRouteHandler]:
    """`/docs`, its viewer, and `/docs/problems/...`: for the gateway, or for a service that runs alone."""
    page = docs_page(title=title, schema_path=schema_path)

    @get("/docs", opt=public() | unlimited(), include_in_schema=False)
    async def get_docs() -> Response[str]:
        return _html(page, VIEWER_POLICY)

    @get(RAPIDOC_PATH, opt=public() | unlimited(), include_in_schema=False)
    async def get_rapidoc(request: Request[Any, Any, Any]) -> Response[bytes]:
        compressed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return Response(rapidoc(compressed=compressed), media_type="text/javascript", headers=headers)

    @get("/docs/problems", opt=public() | unlimited(), include_in_schema=False)
    async def list_problems() -> Response[str]:
        return _html(problems_page(), PAGE_POLICY)

    @get("/docs/problems/{slug:str}", opt=public() | unlimited(), include_in_schema=False)
    async def get_problem(slug: Annotated[str, PathParameter(max_length=80)]) -> Response[str]:
        kind = problem_by_code(slug.replace("-", "_"))
        if kind is None:
            raise NotFound
        return _html(problem_page(kind), PAGE_POLICY)

    return [get_docs, get_rapidoc, list_problems, get_problem]


def _html(text: str, policy: str) -> Response[str]:
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": policy})
