"""An installation from before there was sharing: the services that join it learn by themselves what is there."""

import asyncio
import json
from collections.abc import Iterator

import asyncpg
import pytest

from factories.people import Person
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

NEWCOMERS = ("sharing", "notifier")


@pytest.fixture
def old() -> Iterator[LocalStack]:
    with local_stack() as running:
        yield running


async def never_there(stack: LocalStack) -> None:
    """Take away the stores of the newcomers, as if their release had not come yet."""
    url = stack.variables["COFFER_FILES_DATABASE_URL"]
    password = json.loads((stack.home / "secrets.json").read_text())["database:superuser"]
    host, _, port = url.rpartition("@")[2].partition("/")[0].partition(":")
    superuser = await asyncpg.connect(host=host, port=int(port), user="coffer", password=password, database="postgres")
    try:
        for service in NEWCOMERS:
            await superuser.execute(f"DROP DATABASE coffer_{service} WITH (FORCE)")
    finally:
        await superuser.close()


def test_what_was_there_before_can_be_shared_at_once(old: LocalStack) -> None:
    ana, ben = Person.at(old.url), Person.at(old.url)
    trips = ana.folder("Trips")["id"]
    rome = ana.folder("Rome", trips)["id"]
    asyncio.run(never_there(old))
    old.stop()
    old.start()
    for person in (ana, ben):
        person.sign_in()
    shared = ana.wait_for(
        lambda: {
            "answer": ana.http.post(
                "/v1/shares", json={"item_id": trips, "recipients": [{"username": ben.name}], "role": "viewer"}
            )
        },
        lambda asked: asked["answer"].status_code == 201,
        within_seconds=60,
    )["answer"].json()["shares"][0]
    assert shared["item"]["name"] == "Trips"
    assert ben.sees(rome)["name"] == "Rome"
    assert "introduced" in old.said()
    old.stop()
    said = len(old.said())
    old.start()
    assert "introduced" not in old.said()[said:], "it is done once"
