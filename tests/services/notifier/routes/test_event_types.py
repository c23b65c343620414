"""The catalog of events over HTTP: complete, for everybody, cacheable, and the same from whatever folder the service runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from coffer_contracts.catalog import CATALOG, EVENTS
from coffer_contracts.events_page import emitter_of
from coffer_contracts.schemas import schema_of
from coffer_local.docs import hearers
from coffer_local.image import assemble
from coffer_notifier.handlers.event_types import find_event_type, list_event_types
from factories.golden import ROOT, raw_message
from factories.notifier import Notifier

TYPES = "/v1/events/types"
CHANGED = f"{TYPES}/sharing.share.changed"


async def fetch(notifier: Notifier, path: str, **headers: str) -> httpx.Response:
    """As somebody without an account."""
    transport = httpx.ASGITransport(app=notifier.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://coffer.test") as client:
        return await client.get(path, headers=headers)


async def test_every_type_is_listed_with_who_publishes_and_who_hears_it(notifier: Notifier) -> None:
    answer = await fetch(notifier, TYPES)
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["type"] for item in items] == [event.type for event in EVENTS]
    for item in items:
        heard = [{"service": one.service, "queue": one.queue} for one in hearers().get(item["type"], ())]
        assert item["consumers"] == heard
        assert item["producer"] == emitter_of(item["type"])
        assert item["public"] == (not heard) == CATALOG[item["type"]].public
        assert item["meaning"].endswith(".")
        assert "{" in item["subject"]


@pytest.mark.slow
async def test_a_type_comes_with_a_schema_and_a_message_that_fits_it(notifier: Notifier) -> None:
    for wire_type, event in CATALOG.items():
        detail = (await fetch(notifier, f"{TYPES}/{wire_type}")).json()
        assert detail["schema"] == schema_of(event)
        assert detail["example"] == raw_message(wire_type)
        jsonschema.Draft202012Validator(detail["schema"]).validate(detail["example"])
        schema = await fetch(notifier, detail["schema_url"])
        assert schema.headers["content-type"] == "application/schema+json"
        assert schema.json() == detail["schema"]
        assert (await fetch(notifier, detail["url"])).json() == detail


async def test_majors_point_at_each_other(notifier: Notifier) -> None:
    first, second = [(await fetch(notifier, f"{CHANGED}.v{major}")).json() for major in (1, 2)]
    assert (first["major"], first["newer"], first["older"]) == (1, second["type"], [])
    assert (second["major"], second["newer"], second["older"]) == (2, None, [first["type"]])
    assert first["consumers"] == second["consumers"] != []


@pytest.mark.parametrize("path", [TYPES, f"{CHANGED}.v2", f"{CHANGED}.v2/schema"])
async def test_who_has_it_already_is_told_so(notifier: Notifier, path: str) -> None:
    answer = await fetch(notifier, path)
    assert answer.headers["cache-control"] == "public, max-age=300"
    tag = answer.headers["etag"]
    again = await fetch(notifier, path, **{"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await fetch(notifier, path, **{"If-None-Match": '"other"'})).content == answer.content
    assert (await fetch(notifier, path, **{"If-None-Match": "no tag"})).status_code == 400


async def test_no_two_answers_have_one_tag(notifier: Notifier) -> None:
    paths = [TYPES, *(f"{TYPES}/{wire_type}{end}" for wire_type in CATALOG for end in ("", "/schema"))]
    assert len({(await fetch(notifier, path)).headers["etag"] for path in paths}) == len(paths)


@pytest.mark.parametrize(
    "name",
    [
        *("sharing.share.changed.v3", "sharing.share.changed", "SHARING.SHARE.CHANGED.V2", "sharing.share.changed.v2.json"),
        *("*", "%00", "%20", "%F0%9F%8C%85", "..%2f..%2fevent_types.json", "a" * 4000, "'; DROP TABLE notices; --"),
        "{event_type}",
    ],
)
async def test_what_is_no_type_is_not_found(notifier: Notifier, name: str) -> None:
    for path in (f"{TYPES}/{name}", f"{TYPES}/{name}/schema"):
        answer = await fetch(notifier, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_token_that_is_none_changes_nothing_and_no_other_method_is_taken(notifier: Notifier) -> None:
    assert (await fetch(notifier, TYPES, Authorization="Bearer nonsense")).status_code == 200
    transport = httpx.ASGITransport(app=notifier.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://coffer.test") as client:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert (await client.request(method, TYPES)).status_code == 405


def test_every_type_is_written_down() -> None:
    assert set(list_event_types()) == set(CATALOG)
    assert find_event_type("files.item.created.v1").hearers


@pytest.mark.slow
def test_an_image_of_the_service_alone_knows_every_type_with_its_example(tmp_path: Path) -> None:
    """No golden file, no other service: what is packed into the image has to be enough."""
    assemble("notifier", tmp_path, ROOT)
    code = (
        "import json, coffer_notifier; from coffer_notifier.handlers.event_types import list_event_types as known;"
        "print(json.dumps({name: one.example for name, one in known().items()}), coffer_notifier.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONPATH": str(tmp_path)})
    text, _, place = done.stdout.decode().rpartition(" ")
    found: dict[str, Any] = json.loads(text)
    assert Path(place.strip()).is_relative_to(tmp_path)
    assert found == {wire_type: raw_message(wire_type) for wire_type in CATALOG}


@pytest.mark.slow
def test_a_wheel_holds_what_is_generated(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in ("contracts", "chassis", "services", "deploy/local", "web"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns(".*", "node_modules", "__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    for name in ("coffer_notifier/event_types.json", "coffer_local/asyncapi.json", "coffer_local/openapi.json"):
        assert (tmp_path / "wheel" / name).is_file(), name
