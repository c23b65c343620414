"""Log lines hold what is needed to find a fault, and nothing that opens a door or names a file."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from coffer_chassis import logs
from coffer_chassis.metrics import definitions, exposition, registry

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.fixture
def written() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    stream = io.StringIO()
    before, root, handlers = structlog.get_config(), logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    logs.configure(stream=stream, console=False, cached=False)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


Lines = Callable[[], list[dict[str, Any]]]


def test_a_line_is_one_json_object_with_event_level_and_time(written: Lines) -> None:
    logs.get_logger().info("upload_committed", upload_id="u1", size_bytes=5)
    [line] = written()
    assert line | {"ts": ""} == {"event": "upload_committed", "level": "info", "ts": "", "upload_id": "u1", "size_bytes": 5}
    assert line["ts"].endswith("Z")


def test_what_is_bound_at_the_start_stands_in_every_line_until_the_end(written: Lines) -> None:
    log = logs.get_logger()
    with logs.bound(message_id="m1", queue="files-media"):
        log.info("inside")
        with logs.bound(queue="inner"):
            log.info("deeper")
    log.info("outside")
    inside, deeper, outside = written()
    assert (inside["message_id"], inside["queue"], deeper["queue"]) == ("m1", "files-media", "inner")
    assert "message_id" not in outside


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "access_token",
        "password",
        "new_password",
        "client_secret",
        "x_amz_signature",
        "set_cookie",
        "api_key",
        "otp",
        "recovery_codes",
        "name",
        "file_name",
        "filename",
        "suggested_name",
    ],
)
def test_values_under_keys_that_look_secret_or_hold_a_name_are_hidden(written: Lines, key: str) -> None:
    logs.get_logger().info("event", **{key: "hunter2", "nested": {key: ["hunter2"]}, "id": "kept"})
    [line] = written()
    assert "hunter2" not in json.dumps(line)
    assert line["id"] == "kept"


def test_a_number_under_a_secret_key_is_hidden_too_but_a_yes_or_no_is_not(written: Lines) -> None:
    logs.get_logger().info("event", mfa_code=123456, has_password=True)
    [line] = written()
    assert line["mfa_code"] == logs.REDACTED
    assert line["has_password"] is True


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("PUT https://s3.test/b/k?X-Amz-Signature=hunter2&x=1 failed", "https://s3.test/b/k"),
        ("connect postgresql://coffer:hunter2@db:5432/coffer", "db:5432/coffer"),
        ("sent Authorization: Bearer hunter2", "Bearer"),
        ("token cof_pat_hunter2.abc refused", "refused"),
        ("DETAIL:  Key (parent_id, name)=(7, hunter2.pdf) already exists.", "Key (parent_id, name)"),
    ],
)
def test_secrets_inside_text_are_cut_out_and_the_rest_stays(written: Lines, text: str, kept: str) -> None:
    logs.get_logger().warning("event", error=text, seen=[text])
    [line] = written()
    assert "hunter2" not in json.dumps(line)
    assert kept in line["error"]


def test_a_jwt_never_reaches_a_line_not_even_through_a_traceback(written: Lines) -> None:
    try:
        int(JWT)
    except ValueError:
        logs.get_logger().exception("verify_failed")
    [line] = written()
    assert JWT not in json.dumps(line)
    assert "ValueError" in line["exception"]


def test_libraries_write_the_same_lines_from_warnings_up(written: Lines) -> None:
    library = logging.getLogger("botocore.test")
    library.info("chatter")
    library.warning("retrying %s", "https://s3.test/k?sig=hunter2")
    [line] = written()
    assert (line["level"], line["logger"]) == ("warning", "botocore.test")
    assert "hunter2" not in json.dumps(line)


def test_levels_below_the_configured_one_are_silent(written: Lines) -> None:
    logs.get_logger().debug("chatter")
    assert written() == []


def test_something_that_is_no_json_is_written_as_its_repr(written: Lines) -> None:
    logs.get_logger().info("event", thing=ValueError("x"))
    assert written()[0]["thing"] == "ValueError('x')"


def test_a_terminal_gets_readable_lines() -> None:
    stream = io.StringIO()
    before = structlog.get_config()
    try:
        logs.configure(stream=stream, console=True, cached=False)
        logs.get_logger().info("upload_committed", upload_id="u1")
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers[:] = []
    assert "upload_committed" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


BOUNDED = frozenset({"service", "route", "method", "status", "queue", "type", "outcome", "policy", "state", "kind", "barrier"})
"""Labels with few values, none an id or chosen by callers. Kinds of jobs and barriers are tables in the code."""


def test_every_metric_is_listed_with_its_meaning_and_bounded_labels() -> None:
    listed = {definition.name.removesuffix("_total") for definition in definitions}
    assert listed == {family.name for family in registry.collect()}
    for definition in definitions:
        assert definition.name.startswith("coffer_")
        assert definition.meaning.endswith(".")
        assert (definition.kind == "counter") == definition.name.endswith("_total")
        assert set(definition.labels) <= BOUNDED


@pytest.mark.parametrize(("path", "status"), [("/metrics", 200), ("/", 404)])
async def test_metrics_are_shown_at_their_one_address(path: str, status: int) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await exposition({"type": "http", "path": path, "method": "GET"}, None, send)
    assert sent[0]["status"] == status
    assert (b"coffer_outbox_unsent" in sent[1]["body"]) == (status == 200)
