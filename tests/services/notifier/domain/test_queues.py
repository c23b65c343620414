"""Queues of subscribers: which ARNs are one, which may be subscribed, and what their owners are asked to permit."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import (
    CODE_TYPE,
    QueueAddress,
    Sender,
    accept_queue,
    code_letter,
    digest_of,
    is_code,
    policy_for,
    sendable,
    topic_policy_for,
)

OURS = Sender("arn:aws:iam::111122223333:role/coffer-notifier")
THEIRS = "arn:aws:sqs:eu-central-1:444455556666:from-coffer"


@pytest.mark.parametrize(
    ("arn", "endpoint", "is_fifo"),
    [
        (THEIRS, "https://sqs.eu-central-1.amazonaws.com", False),
        ("arn:aws-cn:sqs:cn-north-1:444455556666:q.fifo", "https://sqs.cn-north-1.amazonaws.com.cn", True),
        ("arn:aws-us-gov:sqs:us-gov-west-1:444455556666:Q_1", "https://sqs.us-gov-west-1.amazonaws.com", False),
    ],
)
def test_an_arn_says_where_its_queue_is(arn: str, endpoint: str, is_fifo: bool) -> None:
    queue = QueueAddress.of(arn)
    assert (queue.endpoint, queue.is_fifo) == (endpoint, is_fifo)
    assert queue.path == f"/444455556666/{arn.rsplit(':', 1)[1]}"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:sqs:eu-central-1:444455556666:",
        "arn:aws:sqs:eu-central-1:4444:q",
        "arn:aws:sqs:evil.example.org/:444455556666:q",
        "arn:aws:sqs:eu-central-1@evil:444455556666:q",
        "arn:aws:sqs:localhost:444455556666:q",
        "arn:aws:sns:eu-central-1:444455556666:q",
        "arn:aws:sqs:eu-central-1:444455556666:q/../x",
        "arn:aws:sqs:eu-central-1:444455556666:q.fifo.fifo",
        f"arn:aws:sqs:eu-central-1:444455556666:{'q' * 81}",
        f"{THEIRS}\n",
        f" {THEIRS}",
        "https://sqs.eu-central-1.amazonaws.com/444455556666/q",
        "arn:evil:sqs:eu-central-1:444455556666:q",
    ],
)
def test_anything_else_is_no_queue(arn: str) -> None:
    with pytest.raises(AddressRefused, match="not the ARN") as refusal:
        QueueAddress.of(arn)
    assert refusal.value.code == "not_a_queue"


@pytest.mark.parametrize("name", ["files-grants", "notifier-fast", "media-worker-bulk-dead", "auth-storage", "sharing-fast"])
def test_queues_of_coffer_itself_are_nobodys_to_subscribe(name: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        accept_queue(f"arn:aws:sqs:eu-central-1:{OURS.account}:{name}", OURS)
    assert refusal.value.code == "address_not_allowed"
    assert accept_queue(f"arn:aws:sqs:eu-central-1:444455556666:{name}", OURS).name == name, "in another account it is another"
    assert accept_queue(f"arn:aws:sqs:eu-central-1:{OURS.account}:archive", OURS).name == "archive"


def test_the_policy_names_coffer_and_this_queue_alone() -> None:
    (statement,) = policy_for(QueueAddress.of(THEIRS), OURS, secure=True)["Statement"]
    assert statement["Principal"] == {"AWS": OURS.principal}
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", THEIRS)
    assert statement["Condition"] == {
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:PrincipalAccount": "111122223333"},
    }
    whole_account = policy_for(QueueAddress.of(THEIRS), Sender("111122223333"), secure=False)["Statement"][0]
    assert whole_account["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert "Bool" not in whole_account["Condition"]


def test_a_topic_is_permitted_by_its_name() -> None:
    topic = "arn:aws:sns:eu-central-1:111122223333:files-events"
    (statement,) = topic_policy_for(QueueAddress.of(THEIRS), topic)["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}


def test_a_code_is_recognised_by_what_is_kept_of_it() -> None:
    digest = digest_of("right")
    assert is_code("right", digest)
    assert not any(is_code(wrong, digest) for wrong in ("", "wrong", "right "))
    assert not is_code("right", None)


def test_the_message_with_a_code_says_what_to_do_with_it() -> None:
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)
    letter = code_letter(WebhookId("s-1"), "the-code", now + timedelta(hours=24), now)
    told = json.loads(letter.body)
    assert told["type"] == CODE_TYPE
    assert (told["data"]["subscription_id"], told["data"]["code"]) == ("s-1", "the-code")
    assert told["data"]["expires_at"] == "2026-11-22T09:00:00.000000Z"
    assert "/v1/subscriptions/s-1/confirm" in told["data"]["say"]
    assert "the-code" not in letter.once


def test_what_sqs_takes_in_no_message_is_written_otherwise() -> None:
    body = json.dumps({"name": "a\ufffe\uffff\u00e4\U0001f600\x01"}, ensure_ascii=False)
    sent = sendable(body)
    assert json.loads(sent) == json.loads(body)
    assert not {"\ufffe", "\uffff", "\x01"} & set(sent)
    assert "\U0001f600" in sent
