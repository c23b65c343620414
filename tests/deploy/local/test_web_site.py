"""The web app as it is served: cached for ever or asked for again, small on the wire, closed to everything from elsewhere."""

import gzip
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from coffer_local.web_routes import web_routes
from coffer_local.web_site import ANYWHERE_ON_S3, BESIDE_POLICY, FreshSite, Site, web_folder, without_descriptions
from factories.http import client_of

HTML = {"Accept": "text/html"}
PAGES = ["/", "/app", "/app/files", "/app/items/0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11", "/app/settings/security", "/s/token"]
STORAGE = "http://127.0.0.1:4566/coffer"


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(web_folder(), [STORAGE])


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[TestClient[Any]]:
    with client_of(*web_routes(lambda: site)) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small web app."""
    (tmp_path / "index.html").write_text("<title>{assets}</title>{head}")
    (tmp_path / "main.js").write_text(
        'import {a} from "./parts/a.js"\nconst quiet = ["./parts/never.js"]\nimport("./parts/later.js")\n'
    )
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.js").write_text('import"../b.js";export {c} from "../c.js"\n')
    for name in ("b.js", "c.js", "parts/later.js", "parts/never.js"):
        (tmp_path / name).write_text("export const c = 1\n")
    (tmp_path / "notes.md").write_text("not served")
    return tmp_path


@pytest.mark.parametrize("path", PAGES)
def test_every_place_of_the_app_is_the_same_page(client: TestClient[Any], site: Site, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200
    assert answer.content == site.page.content
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == site.policy


def test_programs_get_information_at_the_root(client: TestClient[Any]) -> None:
    answer = client.get("/", headers={"Accept": "application/json"})
    assert answer.json()["name"] == "Coffer"
    assert "Accept" in answer.headers["vary"]


def test_whoever_has_the_page_is_told_so(client: TestClient[Any], site: Site) -> None:
    for shown in (site.etag, f'"other", W/{site.etag}'):
        answer = client.get("/app", headers={"If-None-Match": shown})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == site.etag
    assert client.get("/app", headers={"If-None-Match": '"other"'}).status_code == 200


def test_everything_that_the_page_names_is_there_for_ever_and_packed(client: TestClient[Any], site: Site) -> None:
    named = re.findall(r'(?:href|src)="([^"]+)"', site.page.content.decode())
    assert len(named) > 50
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200, address
        if address.startswith("/app/assets/"):
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers.get("content-encoding") == (None if address.endswith(".png") else "gzip")
            assert answer.headers["vary"] == "Accept-Encoding"


def test_a_client_that_cannot_unpack_gets_it_plain(client: TestClient[Any], site: Site) -> None:
    answer = client.get(f"{site.base}/main.js", headers={"Accept-Encoding": "identity"})
    assert answer.content == site.files["main.js"].content == gzip.decompress(site.files["main.js"].packed)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "README.md",
        "nothing.js",
        "../web_site.py",
        "%2e%2e/web_site.py",
        "/etc/passwd",
        "vendor/preact.LICENSE",
        "",
    ],
)
def test_nothing_else_is_served(client: TestClient[Any], site: Site, name: str) -> None:
    assert client.get(f"{site.base}/{name}").status_code in {200, 404}
    answer = client.get(f"{site.base}/{name}")
    if answer.status_code == 200:  # the client has put the dots away: what is left is a place of the app
        assert answer.content == site.page.content


def test_files_of_an_older_state_are_gone(client: TestClient[Any]) -> None:
    assert client.get("/app/assets/0123456789abcdef/main.js").status_code == 404


def test_the_manifest_names_icons_that_are_there(client: TestClient[Any]) -> None:
    manifest = client.get("/app/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    told = manifest.json()
    for icon in [*told["icons"], *(icon for shortcut in told["shortcuts"] for icon in shortcut["icons"])]:
        assert client.get(icon["src"]).headers["content-type"].startswith(icon["type"])
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def test_the_worker_beside_the_pages_serves_all_of_them_and_changes_with_any_file(
    client: TestClient[Any], site: Site, tmp_path: Path
) -> None:
    worker = client.get("/app/service-worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["service-worker-allowed"] == "/"
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["content-security-policy"] == BESIDE_POLICY
    assert site.base in worker.text
    assert "{assets}" not in worker.text
    copy = tmp_path / "web"
    shutil.copytree(web_folder(), copy)
    (copy / "drive" / "here.js").write_text("export const here = 1\n")
    assert Site(copy).beside.content != site.beside.content


def test_the_worker_keeps_what_the_first_page_asks_for_by_itself(site: Site) -> None:
    listed = re.search(r"const LATER = \[(.*?)\]", site.beside.content.decode(), re.DOTALL)
    assert listed is not None
    names = re.findall(r'"([^"]+)"', listed[1])
    imported = re.findall(r'import\("\./([^"]+)"\)', site.files["main.js"].content.decode())
    assert set(imported) <= set(names) <= set(site.files)


def test_the_policy_lets_in_scripts_of_its_own_and_bytes_of_the_storage_only(site: Site) -> None:
    directives = dict(part.split(" ", 1) for part in site.policy.split("; "))
    shown = re.search(r'<script type="importmap">(.*?)</script>', site.page.content.decode())
    assert shown is not None
    hashed = b64encode(sha256(shown[1].encode()).digest()).decode()
    assert directives["script-src"] == f"'self' 'sha256-{hashed}'"
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["connect-src"] == "'self' http://127.0.0.1:4566"
    assert "unsafe" not in site.policy
    assert ANYWHERE_ON_S3 not in site.policy
    assert ANYWHERE_ON_S3 in Site(web_folder()).policy


def test_nothing_in_the_page_runs_that_the_policy_would_refuse(site: Site) -> None:
    page = site.page.content.decode()
    assert not re.search(r"<script(?![^>]*(src=|importmap))|<style|\son\w+=|\sstyle=", page)


def test_the_page_loads_ahead_what_is_imported_and_not_what_may_be_imported_later(folder: Path) -> None:
    assert Site(folder).modules == ["main.js", "parts/a.js", "b.js", "c.js"]


def test_an_import_by_a_name_that_nobody_knows_is_an_error(folder: Path) -> None:
    (folder / "main.js").write_text('import x from "left-pad"')
    with pytest.raises(ValueError, match="left-pad"):
        Site(folder)


def test_a_change_of_any_file_changes_every_address(folder: Path) -> None:
    before = Site(folder).digest
    (folder / "parts" / "later.js").write_text("export const c = 2\n")
    after = Site(folder).digest
    assert before != after


def test_who_edits_sees_it_at_the_next_load(folder: Path) -> None:
    fresh = FreshSite(folder)
    before = fresh()
    assert fresh() is before
    (folder / "b.js").write_text("export const c = 3\n")
    os.utime(folder / "b.js", (0, 0))
    assert fresh().digest != before.digest
    assert "notes.md" not in fresh().files


def test_a_page_that_was_loaded_keeps_its_files_until_a_newer_one_is(folder: Path) -> None:
    fresh = FreshSite(folder)
    with client_of(*web_routes(fresh)) as client:
        old = fresh().base
        assert client.get(f"{old}/b.js").text == "export const c = 1\n"
        (folder / "b.js").write_text("export const c = 4\n")
        os.utime(folder / "b.js", (0, 0))
        assert client.get(f"{old}/b.js").text == "export const c = 1\n"
        new = re.search(r"<title>(.+?)</title>", client.get("/app", headers=HTML).text)
        assert new is not None
        assert client.get(f"{new[1]}/b.js").text == "export const c = 4\n"
        assert client.get(f"{old}/b.js").status_code == 404


def test_first_load_stays_small(site: Site) -> None:
    scripts = sum(len(site.files[name].packed) for name in site.modules)
    assert scripts < 60_000, f"{scripts} bytes of scripts"


def test_modules_are_sent_without_descriptions_and_every_line_keeps_its_number(site: Site) -> None:
    module = '/** What it is. */\n\n/**\n * @param {string} a * b\n */\nconst a = 1 // why\nconst b = "/** text */"\n'
    assert without_descriptions(module) == '\n\n\n\n\nconst a = 1 // why\nconst b = "/** text */"\n'
    for name, file in site.files.items():
        if name.endswith(".js"):
            source = (web_folder() / name).read_text()
            left = file.content.decode().split("\n")
            assert all(sent in ("", kept) for sent, kept in zip(left, source.split("\n"), strict=True)), name
