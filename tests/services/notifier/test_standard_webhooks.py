"""What webhooks send is Standard Webhooks 1.0: the standard's own library takes it, and takes nothing that was touched."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from coffer_chassis.clock import SystemClock
from coffer_notifier.domain.webhooks import MOST_OLDER
from coffer_notifier.routes.outgoing import body_name, outgoing
from factories.notifier import Notifier, notifier_on
from factories.receivers import Call, Receiver
from factories.telling import drive, user_id


@pytest.fixture
async def today(store_url_of_notifier: str) -> AsyncIterator[Notifier]:
    """The notifier in real time, which the library asks for."""
    async with notifier_on(store_url_of_notifier, clock=SystemClock(), webhook_allow_loopback=True) as service:
        yield service


async def tell(notifier: Notifier, hook: Receiver, person: Any, name: str = "a.txt") -> Call:
    """Have somebody's webhook told of a file; the request."""
    fact = drive(person).below(name).committed()
    await notifier.handle(fact)
    await notifier.deliver_all()
    call = hook.calls[-1]
    assert call.headers["webhook-id"] == fact.id
    return call


async def rotated(notifier: Notifier, person: Any, webhook: dict[str, Any]) -> str:
    async with notifier.client(person) as http:
        answer = await http.post(f"/v1/webhooks/{webhook['id']}/rotate-secret")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["secret"])


def takes(secret: str, call: Call, **touched: str | bytes) -> bool:
    """Whether a receiver with that secret takes the request, of which some was touched."""
    body = touched.pop("body", call.body)
    try:
        Webhook(secret).verify(body, {**call.headers, **{name.replace("_", "-"): str(one) for name, one in touched.items()}})
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize("name", ["a.txt", "Größe & <b>“🗂”</b>.pdf", 'quote".txt'])
async def test_the_library_takes_what_is_sent(today: Notifier, hook: Receiver, name: str) -> None:
    ann = user_id()
    webhook = await today.webhook(ann, hook.url, "files.*")
    call = await tell(today, hook, ann, name)
    message = Webhook(webhook["secret"]).verify(call.body, call.headers)
    assert message == call.message
    assert set(message) == {"type", "timestamp", "data"}
    promised = outgoing().components["schemas"][body_name(message["type"])]
    jsonschema.Draft202012Validator(promised).validate(message)
    assert set(message["data"]) <= set(promised["properties"]["data"]["properties"]), "nothing is sent that is not promised"
    assert message["data"]["name"] == name


async def test_the_library_refuses_what_was_touched_and_the_secret_of_somebody_else(today: Notifier, hook: Receiver) -> None:
    ann, eve = user_id(), user_id()
    webhook, other = await today.webhook(ann, hook.url, "*"), await today.webhook(eve, hook.url, "*")
    call = await tell(today, hook, ann)
    assert takes(webhook["secret"], call)
    assert not takes(other["secret"], call)
    assert not takes(webhook["secret"], call, body=call.body.replace(b"a.txt", b"b.txt"))
    assert not takes(webhook["secret"], call, webhook_id="another")
    assert not takes(webhook["secret"], call, webhook_timestamp=str(int(call.headers["webhook-timestamp"]) + 1))
    assert not takes(webhook["secret"], call, webhook_timestamp=str(int(call.headers["webhook-timestamp"]) - 3600))


async def test_another_attempt_has_the_same_id_and_is_signed_anew(today: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await today.webhook(ann, hook.url, "*")
    hook.statuses = [503]
    first = await tell(today, hook, ann)
    await today.rows("UPDATE webhook_deliveries SET not_before = now() WHERE webhook_id = :id RETURNING 1", id=webhook["id"])
    await today.deliver_all()
    first, second = hook.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert takes(webhook["secret"], first)
    assert takes(webhook["secret"], second)


async def test_while_secrets_are_replaced_the_library_takes_requests_with_each_of_them(today: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await today.webhook(ann, hook.url, "*")
    secrets = [webhook["secret"], await rotated(today, ann, webhook)]
    call = await tell(today, hook, ann)
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    assert all(takes(secret, call) for secret in secrets)
    # As when an answer is lost and somebody asks again: nobody's receiver has the secret in between.
    secrets.append(await rotated(today, ann, webhook))
    call = await tell(today, hook, ann)
    assert [takes(secret, call) for secret in secrets] == [True] * 3


async def test_a_secret_that_was_replaced_ends_in_its_time_and_the_others_go_on(today: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await today.webhook(ann, hook.url, "*")
    secrets = [webhook["secret"], await rotated(today, ann, webhook), await rotated(today, ann, webhook)]
    await today.rows(
        "UPDATE webhooks SET older_secrets = jsonb_set(older_secrets, '{0,until}', to_jsonb(now() - interval '1 second'))"
        " WHERE id = :id RETURNING 1",
        id=webhook["id"],
    )
    assert [takes(secret, await tell(today, hook, ann)) for secret in secrets] == [False, True, True]
    await today.rows("UPDATE webhooks SET old_secret_until = now() WHERE id = :id RETURNING 1", id=webhook["id"])
    call = await tell(today, hook, ann)
    assert [takes(secret, call) for secret in secrets] == [False, False, True]
    assert call.headers["webhook-signature"].count("v1,") == 1


async def test_however_often_it_is_replaced_the_header_stays_short(today: Notifier, hook: Receiver) -> None:
    ann = user_id()
    webhook = await today.webhook(ann, hook.url, "*")
    secrets = [webhook["secret"], *[await rotated(today, ann, webhook) for _ in range(8)]]
    call = await tell(today, hook, ann)
    kept = 2 + MOST_OLDER
    assert [takes(secret, call) for secret in secrets] == [False] * (len(secrets) - kept) + [True] * kept
