"""The web app as it is served: its files under an address that changes with any of them, and the page that starts it.

Source is what runs: nothing is built. Modules are sent without the comments that describe them; every line keeps its number.
Every file stands below one hash of all of them, so it may be cached for ever; only the page, which names the hash, is asked for
again, and the worker beside it.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

ASSETS = "/app/assets"
PACKED = Path(__file__).parent / "web"
"""Where a wheel and an image hold the folder."""
SOURCE = Path(__file__).parents[3] / "web"
"""Where it stands in the repository."""
MODULES = {
    "preact": "vendor/preact.js",
    "preact/hooks": "vendor/preact-hooks.js",
    "htm": "vendor/htm.js",
    "@preact/signals": "vendor/preact-signals.js",
    "@preact/signals-core": "vendor/preact-signals-core.js",
}
"""What modules import by name."""
ENTRY = "main.js"
EARLY = "early.js"
STYLE = "style.css"
"""All style sheets in one, in the order of their names: a page waits for every one of them before it shows anything."""
OPENS = {"drive": "views/shell.js", "entrance": "views/sign-in.js"}
"""What a page needs as well to show a drive to somebody who was signed in, or the entrance to somebody who was not."""
BESIDE = "service-worker.js"
"""What runs beside the pages: a file like a page, because it names the address of all others."""
BESIDE_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""The kinds of files that are served; all others stay inside."""
ANYWHERE_ON_S3 = "https://*.amazonaws.com"
"""Where bytes may go when nobody said under which address clients reach S3."""
_COMPRESSED = frozenset({".png"})
_IMPORT = re.compile(r"""(?:^|;)\s*(?:import\s*|(?:import|export)\b[^"'();=]*\bfrom\s*)["']([^"']+)["']""", re.MULTILINE)
_DESCRIPTION = re.compile(r"^[ \t]*/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*$", re.MULTILINE)
"""A comment that has its lines to itself: a sixth of what modules weigh on the wire."""
_HASH_LENGTH = 16


def web_folder() -> Path:
    """The folder of the web app, packed or in the repository."""
    return PACKED if PACKED.is_dir() else SOURCE


@dataclass(frozen=True)
class WebFile:
    """One file, ready to be sent."""

    content: bytes
    media_type: str
    packable: bool

    @cached_property
    def packed(self) -> bytes:
        """Gzipped, once."""
        return gzip.compress(self.content, mtime=0)


class Site:
    """All files and the page. Built once per state of the folder; `storage` are origins that hold the bytes of files."""

    def __init__(self, folder: Path, storage: Iterable[str] = ()) -> None:
        """Raises OSError if there is no such folder, or no page in it."""
        self._template = (folder / "index.html").read_text(encoding="utf-8")
        files = {name: _file(path) for name, path in _names(folder)}
        sheets = [file.content for name, file in files.items() if name.endswith(".css")]
        self.files = {name: file for name, file in files.items() if not name.endswith(".css")}
        self.files[STYLE] = WebFile(b"\n".join(sheets), TYPES[".css"], packable=True)
        told = sha256(self._template.encode())
        for name, file in self.files.items():
            told.update(f"{name}\0{len(file.content)}\0".encode())
            told.update(file.content)
        self.digest = told.hexdigest()[:_HASH_LENGTH]
        self.base = f"{ASSETS}/{self.digest}"
        self.page = WebFile(self._page().encode(), "text/html", packable=True)
        self.policy = policy(self._import_map, storage)
        self.etag = f'"{sha256(self.page.content + self.policy.encode()).hexdigest()[:_HASH_LENGTH]}"'

    @cached_property
    def manifest(self) -> WebFile:
        """What an installed app is called and looks like."""
        return self._filled("manifest.json", "application/manifest+json")

    @cached_property
    def beside(self) -> WebFile:
        """The worker beside the pages; another one with any change of any file."""
        return self._filled(BESIDE, TYPES[".js"])

    def _filled(self, name: str, media_type: str) -> WebFile:
        later = [name for names in self.opens.values() for name in names]
        text = self.files[name].content.decode().replace("{assets}", self.base).replace("{later}", " ".join(later))
        return WebFile(text.encode(), media_type, packable=True)

    @cached_property
    def modules(self) -> Sequence[str]:
        """What is loaded before the app shows anything, in the order in which it is found; what is imported later is not."""
        return self._loaded_by(ENTRY)

    @cached_property
    def opens(self) -> Mapping[str, Sequence[str]]:
        """By the name of what a page may open with: the modules that it takes beside those of any page."""
        return {
            name: [module for module in self._loaded_by(first) if module not in self.modules]
            for name, first in OPENS.items()
            if first in self.files
        }

    def _loaded_by(self, first: str) -> Sequence[str]:
        found = [first]
        for name in found:
            text = self.files[name].content.decode()
            asked = dict.fromkeys(_beside(name, wanted) for wanted in _IMPORT.findall(text))
            found += [near for near in asked if near not in found]
        return found

    @property
    def _import_map(self) -> str:
        return json.dumps({"imports": {name: f"{self.base}/{path}" for name, path in MODULES.items()}})

    def _page(self) -> str:
        opens = "".join(f' data-{name}="{escape(" ".join(modules))}"' for name, modules in self.opens.items())
        head = [
            # Before anything that loads a module, and before what a script would wait for.
            f'<script type="importmap">{self._import_map}</script>',
            f'<script src="{self.base}/{EARLY}" data-base="{self.base}"{opens}></script>',
            f'<link rel="stylesheet" href="{self.base}/{STYLE}">',
            *(f'<link rel="modulepreload" href="{self.base}/{escape(name)}">' for name in self.modules),
            f'<script type="module" src="{self.base}/{ENTRY}"></script>',
        ]
        return self._template.replace("{assets}", self.base).replace("{head}", "\n".join(head))


class FreshSite:
    """The site of a folder that somebody may be editing: read anew when a file in it changed."""

    def __init__(self, folder: Path, storage: Iterable[str] = ()) -> None:
        self._folder = folder
        self._storage = tuple(storage)
        self._seen: Sequence[tuple[str, int]] = ()
        self._site: Site | None = None

    def __call__(self) -> Site:
        """The site as the folder is now. Raises OSError if it cannot be read."""
        seen = [(name, path.stat().st_mtime_ns) for name, path in _names(self._folder, "index.html")]
        if self._site is None or seen != self._seen:
            self._site, self._seen = Site(self._folder, self._storage), seen
        return self._site


def policy(import_map: str, storage: Iterable[str]) -> str:
    """The page's Content-Security-Policy: scripts of its own only, bytes from and to the storage, nothing in a frame."""
    places = " ".join(sorted({_origin(address) for address in storage})) or ANYWHERE_ON_S3
    hashed = b64encode(sha256(import_map.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{hashed}'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {places}",
            f"media-src blob: {places}",
            f"connect-src 'self' {places}",
            "font-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            # One policy, for the address of the worker that hashes.
            "trusted-types coffer",
        )
    )


def without_descriptions(module: str) -> str:
    """A module without the comments that describe its parts. Every other line keeps its number."""
    return _DESCRIPTION.sub(lambda found: "\n" * found[0].count("\n"), module)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _names(folder: Path, *besides: str) -> list[tuple[str, Path]]:
    paths = (path for path in folder.rglob("*") if path.suffix in TYPES or path.name in besides)
    return sorted((path.relative_to(folder).as_posix(), path) for path in paths)


def _file(path: Path) -> WebFile:
    content = path.read_bytes()
    if path.suffix == ".js":
        content = without_descriptions(content.decode()).encode()
    return WebFile(content, TYPES[path.suffix], packable=path.suffix not in _COMPRESSED)


def _beside(name: str, asked: str) -> str:
    """The file that a module means by what it imports. Raises ValueError for what is neither a file nor known by name."""
    if asked in MODULES:
        return MODULES[asked]
    if not asked.startswith("."):
        raise ValueError(f"{name} imports {asked}, which nobody knows")
    parts = name.split("/")[:-1]
    for part in asked.split("/"):
        match part:
            case ".":
                pass
            case "..":
                parts.pop()
            case _:
                parts.append(part)
    return "/".join(parts)
