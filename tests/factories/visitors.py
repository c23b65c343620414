"""Public links over HTTP: made by their owner, and entered by somebody without an account."""

from typing import Any

import httpx

from factories.people import Person


def linked(owner: Person, item_id: str, **fields: Any) -> dict[str, Any]:
    """A link of the owner to an item. Waits where sharing has not heard of an item that was made just now."""
    asked = owner.wait_for(
        lambda: {"answer": owner.http.post("/v1/links", json={"item_id": item_id, **fields})},
        lambda asked: asked["answer"].status_code != 404,
        within_seconds=30,
    )
    answer = asked["answer"]
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def public(link: dict[str, Any], more: str = "") -> str:
    """The path of a link's public routes."""
    token = link["url"].rpartition("/s/")[2]
    return f"/v1/public/links/{token}{more}"


def tickets(nobody: httpx.Client, link: dict[str, Any], headers: dict[str, str], **wanted: Any) -> list[str]:
    """What a visitor gets for bytes. Waits where sharing has not heard of a file that was sent just now."""
    answer = Person.wait_for(
        lambda: {"answer": nobody.post(public(link, "/tickets"), json=wanted, headers=headers)},
        lambda asked: asked["answer"].status_code != 404,
        within_seconds=30,
    )["answer"]
    assert answer.status_code == 201, answer.text
    return [given["ticket"] for given in answer.json()["tickets"]]


def visitor(nobody: httpx.Client, link: dict[str, Any], password: str | None = None) -> dict[str, str]:
    """The headers of somebody who has come in, once files has heard of the link."""
    answer = nobody.post(public(link, "/unlock"), json={"password": password})
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    item = link["item"]["id"]
    if link["mode"] != "upload_only":
        Person.wait_for(
            lambda: {"status": nobody.get(f"/v1/items/{item}", headers=headers).status_code},
            lambda asked: asked["status"] == 200,
            within_seconds=30,
        )
    return headers
