"""Webhooks over HTTP: made, shown, changed, rotated and removed by their owner, and by nobody else."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_notifier.domain.outside import OFFERED
from factories.notifier import Notifier, notifier_on
from factories.telling import user_id

URL = "https://hooks.example.org/coffer"
ONE = {"url": URL, "event_types": ["files.*"]}


async def ask(notifier: Notifier, person: str, method: str, path: str, **options: Any) -> Any:
    """The answer to a request below `/v1/webhooks`."""
    async with notifier.client(person) as http:
        return await http.request(method, f"/v1/webhooks{path}", **options)


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(notifier: Notifier) -> None:
    ann = user_id()
    wanted = {**ONE, "event_types": ["files.*", "files.*", "sharing.share.created.v1"], "description": "Archive"}
    answer = await ask(notifier, ann, "POST", "", json={**wanted, "item_id": new_id().upper()})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["event_types"]) == (URL, ["files.*", "sharing.share.created.v1"])
    assert (made["enabled"], made["disabled_for"], made["failing_since"]) == (True, None, None)
    shown = await ask(notifier, ann, "GET", f"/{made['id']}")
    assert shown.json() == {name: value for name, value in made.items() if name != "secret"}
    assert shown.headers["etag"] == answer.headers["etag"]
    again = await ask(notifier, ann, "GET", f"/{made['id']}", headers={"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304
    assert made["secret"] not in (await ask(notifier, ann, "GET", "")).text


async def test_a_repeated_request_makes_one_and_does_not_show_the_secret_again(notifier: Notifier) -> None:
    ann = user_id()
    first, second = [await ask(notifier, ann, "POST", "", json=ONE, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert second.headers["idempotent-replayed"] == "true"
    assert (second.json()["id"], second.json()["secret"]) == (first.json()["id"], None)
    other = await ask(notifier, ann, "POST", "", json={**ONE, "event_types": ["*"]}, headers={"Idempotency-Key": "k"})
    assert other.json()["code"] == "idempotency_key_reuse"
    assert len((await ask(notifier, ann, "GET", "")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"url": "http://hooks.example.org/"}, "/url", "https_required"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url", "address_not_allowed"),
        ({"url": "https://[::1]/"}, "/url", "address_not_allowed"),
        ({"url": "https://u:p@hooks.example.org/"}, "/url", "credentials_in_url"),
        ({"url": "https://hooks.example.org:25/"}, "/url", "port_not_allowed"),
        ({"url": "x" * 3000}, "/url", None),
        ({"url": None}, "/url", None),
        ({"event_types": []}, "/event_types", None),
        ({"event_types": ["*"] * 51}, "/event_types", None),
        ({"event_types": ["files.*", "auth.user.registered.v1"]}, "/event_types/1", "unknown_type"),
        ({"item_id": "root"}, "/item_id", None),
        ({"description": "x" * 201}, "/description", None),
        ({"secret": "whsec_mine"}, "/secret", None),
        ({"user_id": new_id()}, "/user_id", None),
    ],
)
async def test_refuses_what_no_webhook_may_be(notifier: Notifier, changes: Any, pointer: str, code: str | None) -> None:
    ann = user_id()
    answer = await ask(notifier, ann, "POST", "", json={**ONE, **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code in {None, error["code"]}
    assert (await ask(notifier, ann, "GET", "")).json()["items"] == []


async def test_there_are_so_many_of_one_person_and_no_more_also_at_once(store_url_of_notifier: str) -> None:
    ann = user_id()
    async with notifier_on(store_url_of_notifier, webhooks_per_user=3) as notifier:
        answers = await asyncio.gather(*(ask(notifier, ann, "POST", "", json=ONE) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert (refused["code"], refused["limit"]) == ("limit_reached", 3)
        first = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
        await ask(notifier, ann, "DELETE", f"/{first}")
        assert (await ask(notifier, ann, "POST", "", json=ONE)).status_code == 201


async def test_webhooks_are_listed_page_by_page(notifier: Notifier) -> None:
    ann = user_id()
    made = [(await ask(notifier, ann, "POST", "", json=ONE)).json()["id"] for _ in range(5)]
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await ask(notifier, ann, "GET", "", params=query)).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made
    page = (await ask(notifier, ann, "GET", "", params={"limit": 2})).json()
    stolen = await ask(notifier, user_id(), "GET", "", params={"cursor": page["next_cursor"]})
    assert stolen.json()["code"] == "cursor_invalid"


async def test_a_webhook_is_changed_field_by_field(notifier: Notifier) -> None:
    ann, item = user_id(), new_id()
    made = (await ask(notifier, ann, "POST", "", json={**ONE, "item_id": item})).json()
    path = f"/{made['id']}"
    changed = await ask(notifier, ann, "PATCH", path, json={"url": "https://other.example.org:8443/x", "item_id": None})
    assert changed.status_code == 200
    assert (changed.json()["url"], changed.json()["item_id"]) == ("https://other.example.org:8443/x", None)
    assert changed.json()["event_types"] == ["files.*"]
    off = await ask(notifier, ann, "PATCH", path, json={"enabled": False}, headers={"If-Match": changed.headers["etag"]})
    assert (off.json()["enabled"], off.json()["disabled_for"]) == (False, None)
    assert off.json()["disabled_at"]
    late = await ask(notifier, ann, "PATCH", path, json={"enabled": True}, headers={"If-Match": changed.headers["etag"]})
    assert (late.status_code, late.json()["current_etag"]) == (412, off.headers["etag"])
    on = await ask(notifier, ann, "PATCH", path, json={"enabled": True, "event_types": ["*"]})
    assert (on.json()["enabled"], on.json()["disabled_at"], on.json()["event_types"]) == (True, None, ["*"])


@pytest.mark.parametrize(
    "body",
    [{}, {"url": None}, {"enabled": None}, {"event_types": ["nothing"]}, {"url": "https://127.0.0.1/"}, {"secret": "x"}, []],
)
async def test_a_change_that_breaks_a_rule_changes_nothing(notifier: Notifier, body: Any) -> None:
    ann = user_id()
    made = (await ask(notifier, ann, "POST", "", json=ONE)).json()
    before = await ask(notifier, ann, "GET", f"/{made['id']}")
    assert (await ask(notifier, ann, "PATCH", f"/{made['id']}", json=body)).status_code == 422
    assert (await ask(notifier, ann, "GET", f"/{made['id']}")).json() == before.json()


async def test_a_secret_is_replaced_and_the_old_one_signs_for_a_day(notifier: Notifier) -> None:
    ann = user_id()
    made = (await ask(notifier, ann, "POST", "", json=ONE)).json()
    answer = await ask(notifier, ann, "POST", f"/{made['id']}/rotate-secret")
    assert answer.status_code == 200
    assert answer.json()["secret"] != made["secret"]
    assert answer.json()["old_secret_until"] == "2026-11-21T12:00:00.000Z"
    shown = (await ask(notifier, ann, "GET", f"/{made['id']}")).json()
    assert shown["old_secret_until"] == answer.json()["old_secret_until"]
    assert "secret" not in shown


async def test_a_webhook_is_removed_with_its_log_once(notifier: Notifier) -> None:
    ann = user_id()
    made = (await ask(notifier, ann, "POST", "", json=ONE)).json()
    assert (await ask(notifier, ann, "POST", f"/{made['id']}/test", json={})).status_code == 202
    assert (await ask(notifier, ann, "DELETE", f"/{made['id']}")).status_code == 204
    assert (await ask(notifier, ann, "DELETE", f"/{made['id']}")).status_code == 404
    assert await notifier.rows("SELECT 1 FROM webhook_deliveries WHERE webhook_id = :id", id=made["id"]) == []


EVERY = [
    ("GET", "", None),
    ("PATCH", "", {"enabled": False}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", None),
    ("POST", "/test", {}),
    ("POST", "/recover", {"since": "2026-11-20T00:00:00Z"}),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/{delivery}", None),
    ("POST", "/deliveries/{delivery}/redeliver", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
async def test_somebody_elses_webhook_does_not_exist(notifier: Notifier, method: str, path: str, body: Any) -> None:
    ann, mallory = user_id(), user_id()
    made = (await ask(notifier, ann, "POST", "", json=ONE)).json()
    delivery = (await ask(notifier, ann, "POST", f"/{made['id']}/test", json={})).json()["id"]
    own = (await ask(notifier, mallory, "POST", "", json=ONE)).json()["id"]
    for webhook in (made["id"], new_id(), "nonsense", own):
        if webhook == own and "{delivery}" not in path:
            continue
        target = f"/{webhook}{path.format(delivery=delivery)}"
        answer = await ask(notifier, mallory, method, target, **({"json": body} if body is not None else {}))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), target
    kept = (await ask(notifier, ann, "GET", f"/{made['id']}")).json()
    assert kept == {name: value for name, value in made.items() if name != "secret"}


async def test_the_catalog_says_which_types_webhooks_may_ask_for(notifier: Notifier) -> None:
    async with notifier.client(user_id()) as http:
        types = (await http.get("/v1/events/types")).json()["items"]
    assert {one["type"] for one in types if one["webhooks"]} == set(OFFERED)


async def test_nobody_comes_without_a_token(notifier: Notifier) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{new_id()}"), ("GET", f"/{new_id()}/deliveries")):
        async with notifier.client("bad") as http:
            answer = await http.request(method, f"/v1/webhooks{path}")
        assert answer.status_code == 401
