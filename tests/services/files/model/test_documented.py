"""Whatever is sent to the routes of files, the answer is one of those that the document promises, and never a failure."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.databases import Database
from factories.files import person
from services.files.model.requests import operations, requests, with_ids
from services.files.model.world import World, long, quick, world_on

TAGS = frozenset({"items", "uploads", "trash", "changes", "usage", "search", "jobs", "archives"})
ROUTES = operations(TAGS)


class House:
    """Somebody with a few things, whose ids requests are about."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.http = world.files.client(person())
        self.ids: list[str] = []

    async def begin(self) -> None:
        await self.http.get("/v1/items/root")
        for name in ("a", "b"):
            self.ids.append((await self.http.post("/v1/folders", json={"parent_id": "root", "name": name})).json()["id"])
        upload = (await self.http.post("/v1/uploads", json={"parent_id": self.ids[0], "name": "c.txt", "size": 5})).json()
        self.ids.append(upload["id"])
        done = await self.http.post(f"/v1/items/{self.ids[1]}/copy", json={"parent_id": self.ids[0]})
        self.ids += [done.json()["id"], done.json()["result"]["item_id"]]

    async def send(self, request: dict[str, Any], number: int) -> Any:
        address, body = with_ids(request, self.ids[number % len(self.ids)])
        headers = {name: value.encode() for name, value in request["headers"].items()}
        if body is not None:
            headers["content-type"] = b"application/json"
        return await self.http.request(request["method"], address, content=body, headers=headers)


@pytest.fixture(scope="module")
def house(database: Database) -> Iterator[House]:
    with world_on(database("coffer_files")) as world:
        made = House(world)
        world.run(made.begin())
        yield made
        world.run(made.http.aclose())


def fuzz(house: House, how: settings) -> None:
    @how
    @given(st.data(), st.sampled_from(range(len(ROUTES))), st.integers(0, 9))
    def asked(data: st.DataObject, route: int, number: int) -> None:
        path, method, operation = ROUTES[route]
        request = data.draw(requests(path, method, operation))
        answer = house.world.run(house.send(request, number))
        assert answer.status_code < 500, (request, answer.text)
        promised = {int(status) for status in operation["responses"]}
        assert answer.status_code in promised, (operation["operationId"], request, answer.status_code, answer.text)
        if answer.status_code >= 400 and method != "head":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code

    asked()


@pytest.mark.slow
def test_every_answer_is_a_documented_one(house: House) -> None:
    fuzz(house, quick(250, 1))


@pytest.mark.proof
@pytest.mark.timeout(2400)
def test_every_answer_is_a_documented_one_for_long(house: House) -> None:
    fuzz(house, long(15_000, 1))
