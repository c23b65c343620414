"""What stands at `/`: a page for people who open the address in a browser, and its JSON twin for programs."""

import base64
import hashlib
from importlib.metadata import version

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --line: #d8dee4; --accent: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4af; --paper: #12161b; --line: #30363d; --accent: #8ab4f8 }
}
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
main { max-width: 40rem; margin: 0 auto; padding: 12vh 1.25rem 4rem }
h1 { font-size: 2rem; margin: 0 0 .25rem; letter-spacing: -.02em }
p { margin: 0 0 1rem; color: var(--soft) }
ul { list-style: none; padding: 0; margin: 2rem 0; border-top: 1px solid var(--line) }
li { border-bottom: 1px solid var(--line); padding: .85rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem }
li a { color: var(--accent); font-weight: 600; min-width: 9rem; text-decoration: none }
li a:hover, li a:focus-visible { text-decoration: underline }
li span { color: var(--soft); flex: 1 1 14rem }
code { font: .9em ui-monospace, monospace }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its one style sheet, and nothing else."""

PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coffer</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Coffer</h1>
<p>This drive is running. Programs talk to it over HTTP at this address.</p>
<ul>
<li><a href="/docs">Reference</a><span>Every route with its request, answers and errors; try them from the page.</span></li>
<li><a href="/schema/openapi.json">OpenAPI</a><span>The same as one OpenAPI 3.1 document.</span></li>
<li><a href="/schema/asyncapi.json">AsyncAPI</a><span>Every event with its schema, and who tells and hears it.</span></li>
<li><a href="/readyz">Readiness</a><span>How each part is doing right now.</span></li>
</ul>
<p>Begin with <code>POST /v1/auth/register</code>; the README walks from there to a photo with its thumbnail.</p>
</main>
</body>
</html>
"""


def information() -> dict[str, str]:
    """Name, version and where to read on."""
    return {
        "name": "Coffer",
        "version": version("coffer"),
        "docs": "/docs",
        "openapi": "/schema/openapi.json",
        "asyncapi": "/schema/asyncapi.json",
    }
