"""docker-compose.yml comes up, without Docker: its own commands as processes, in its order, each with its own secrets."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from coffer_chassis.testing import eventually
from factories import images, patient
from factories.containers import START_SECONDS, STOP_SECONDS, Composed, composed
from factories.memory import in_memory
from factories.people import Person, all_leave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # The database runs under another account when the tests run as root, and must be able to pass.
    with tempfile.TemporaryDirectory(prefix="coffer-compose-", dir=in_memory(), ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o711)
        yield Path(path)
    all_leave()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(folder: Path) -> AsyncIterator[Composed]:
    async with composed(folder) as containers:
        yield containers


async def uploaded(running: Composed, name: str) -> dict[str, object]:
    """A new person sends a photo through the gateway to S3's public address, and gets it back."""
    photo = images.jpeg(640, 480)

    def story() -> dict[str, object]:
        person = Person.at(running.url)
        upload = person.upload(name, photo, mime_type="image/jpeg")
        assert upload["state"] == "committed", upload
        item = person.previewed(upload["item_id"])
        assert item["preview"]["status"] == "ready", item
        content = person.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False)
        assert content.status_code == 302, content.text
        place = content.headers["location"]
        assert place.startswith(f"http://localhost:{running.machine.s3_port}/coffer/"), place
        assert patient.get(place).content == photo
        return item

    return await asyncio.to_thread(story)


async def test_a_photo_goes_up_through_the_gateway_and_comes_back(running: Composed) -> None:
    await uploaded(running, "beach.jpg")


async def test_everything_came_up_in_the_order_of_the_file(running: Composed) -> None:
    for one in running.found.values():
        begun = running.events.index(f"start {one.name}")
        for name in one.needs:
            reached = f"{'done' if running.found[name].is_job else 'healthy'} {name}"
            assert running.events.index(reached) < begun
    assert running.events[-1] == "healthy gateway"


async def test_the_gateway_speaks_for_everybody(running: Composed) -> None:
    async with patient.AsyncClient(base_url=running.url) as client:

        async def whole() -> Any:
            told = (await client.get("/readyz")).json()
            return told if told["status"] == "ready" else None

        ready = await eventually(whole, within_seconds=60)
        assert {check["name"] for check in ready["checks"]} == {
            one.name for one in running.found.values() if one.command == ["serve"]
        }
        assert (await client.get("/schema/openapi.json")).json()["info"]["title"] == "Coffer"
        assert "preview_unavailable" in (await client.get("/docs/problems/preview-unavailable")).text
        for path in ("/metrics", "/v1/nowhere"):
            assert (await client.get(path)).json()["code"] == "not_found"


async def test_the_address_that_asked_is_the_client_s_and_not_one_that_it_claims(running: Composed) -> None:
    answer = await asyncio.to_thread(
        lambda: patient.post(
            f"{running.url}/v1/auth/login",
            json={"login": "nobody", "password": "wrong"},
            headers={"X-Forwarded-For": "203.0.113.9"},
        )
    )
    assert answer.status_code == 401
    assert "203.0.113.9" not in running.said("auth")


async def test_a_cloud_that_was_killed_and_started_alone_is_made_whole_again(running: Composed) -> None:
    one = running.found["ministack"]
    family = psutil.Process(running.processes[one.name].pid).children(recursive=True)
    await running.kill(one.name)
    psutil.wait_procs(family, timeout=STOP_SECONDS)
    await running.start(one)
    await asyncio.wait_for(running.healthy(one), START_SECONDS)
    assert "broker_epoch_began" in running.said(one.name)
    await uploaded(running, "after.jpg")


async def test_a_service_that_is_down_is_said_to_be_and_comes_back(running: Composed) -> None:
    one = running.found["files"]
    assert await running.stop(one.name) == 0
    async with patient.AsyncClient(base_url=running.url) as client:
        answer = await client.get("/v1/items/root/children")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await client.get("/.well-known/jwks.json")).status_code == 200
    assert await running.check(running.found["gateway"]), "the gateway itself lives"
    await running.start(one)
    await asyncio.wait_for(running.healthy(one), START_SECONDS)
    await uploaded(running, "back.jpg")


async def test_everything_ends_in_order_when_told_to(running: Composed) -> None:
    codes = await running.down()
    assert set(codes.values()) == {0}, codes
    assert (running.machine.volume("cloud") / "clean").exists()
