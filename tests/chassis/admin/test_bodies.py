"""Bodies for people: decoded or why not, cut where they are long, never with a secret."""

import json
import time
from typing import Any

import pytest

from coffer_chassis.admin.bodies import READ_BYTES, SHOWN_CHARACTERS, read
from factories.eventing import envelope, failed

NOTICE = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-20T10:15:00.000Z",
            "s3": {"bucket": {"name": "coffer"}, "object": {"key": "blobs/a+b", "size": 3, "eTag": "e1"}},
        }
    ]
}


def test_an_event_is_shown_by_its_contract_and_as_it_came() -> None:
    body = envelope(failed(1)).to_json()
    reading = read(body)
    assert reading.decoded == json.loads(body)
    assert (reading.unreadable, reading.body, reading.body_bytes, reading.is_cut) == (None, body, len(body), False)


def test_what_a_bucket_reports_is_shown_as_its_objects() -> None:
    reading = read(json.dumps(NOTICE), from_bucket=True)
    assert [fact["data"]["key"] for fact in reading.decoded] == ["blobs/a b"]
    assert read(json.dumps(NOTICE)).decoded is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "not JSON"),
        ("not json at all", "not JSON"),
        ("[]", "not an envelope"),
        ("{}", "unknown type"),
        ('{"type": "auth.login.failed.v1"}', "does not fit its contract"),
        ('{"type": "files.item.misplaced.v1"}', "unknown type"),
        ("[" * 5000, "not JSON"),
        ('"\\ud800"', "not JSON"),
        ("\x7f\t\x85\n<script>", "not JSON"),
    ],
)
def test_an_unreadable_body_is_a_result_with_the_reason(body: str, why: str) -> None:
    reading = read(body)
    assert reading.decoded is None
    assert why in str(reading.unreadable)
    assert reading.body == body


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "access_token", "refreshToken", "client_secret", "sealed", "otp"]
)
def test_a_secret_in_a_strangers_message_is_not_shown(name: str) -> None:
    body = json.dumps({"a": [{name: "hunter2", "kept": "yes"}], "when": {f"{name}_expires_at": "soon", name: 7}})
    assert "hunter2" not in read(body).body
    assert "yes" in read(body).body


@pytest.mark.parametrize(
    "text", ["Bearer abcdef", "cof_pat_abcdef", "https://b.example/k?X-Amz-Signature=abcdef", "postgres://u:abcdef@db/x"]
)
def test_a_secret_in_any_text_is_not_shown(text: str) -> None:
    for body in (text, json.dumps({"note": text}), json.dumps({"type": text})):
        reading = read(body)
        assert "abcdef" not in reading.body
        assert "abcdef" not in str(reading.unreadable)


def test_a_secret_in_a_field_that_a_contract_knows_is_not_shown_either() -> None:
    fact: dict[str, Any] = json.loads(envelope(failed(1)).to_json())
    fact["data"]["agent"] = "curl Bearer abcdef"
    reading = read(json.dumps(fact))
    assert "abcdef" not in reading.body
    assert reading.decoded["data"]["agent"] == "curl Bearer …"


@pytest.mark.parametrize("value", [123456, ["123456"], {"of": "123456"}])
def test_a_secret_need_not_be_a_text(value: object) -> None:
    shown = read(json.dumps({"recovery_codes": value, "has_password": True, "otp": None})).body
    assert json.loads(shown) == {"recovery_codes": "…", "has_password": True, "otp": None}


def test_a_long_body_is_cut_in_listings_and_whole_alone() -> None:
    body = envelope(failed(1, agent="x" * 20_000)).to_json()
    listed, alone = read(body, shown=SHOWN_CHARACTERS), read(body)
    assert (len(listed.body), listed.is_cut, listed.body_bytes) == (SHOWN_CHARACTERS, True, len(body))
    assert listed.decoded == alone.decoded
    assert (alone.body, alone.is_cut) == (body, False)


def test_a_huge_body_of_which_only_a_part_was_read_is_not_decoded() -> None:
    reading = read("x" * SHOWN_CHARACTERS, size_bytes=READ_BYTES * 10, shown=SHOWN_CHARACTERS)
    assert (reading.decoded, reading.is_cut, reading.body_bytes) == (None, True, READ_BYTES * 10)
    assert str(READ_BYTES * 10) in str(reading.unreadable)


@pytest.mark.parametrize("part", ["x", "eyJ", "Key (", "a://", "Bearer", "://", "a://b@", '"a":'])
def test_no_body_takes_long_to_read(part: str) -> None:
    began = time.process_time()
    read(part * (READ_BYTES // len(part)) + ")=( ://", shown=SHOWN_CHARACTERS)
    assert time.process_time() - began < 2
