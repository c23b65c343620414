"""The promises of the problem tree."""

import pickle
import re

import pytest

from coffer_contracts import problem, problems
from coffer_contracts.problems import (
    FieldError,
    NameConflict,
    NotFound,
    PreconditionFailed,
    Problem,
    Temporary,
    Unavailable,
    all_problems,
    problem_by_code,
)
from factories.rows import for_every

PROMISED = {
    400: {"malformed_request", "cursor_invalid", "idempotency_key_required"},
    401: {
        "unauthenticated",
        "token_expired",
        "invalid_credentials",
        "mfa_required",
        "mfa_invalid",
        "link_password_required",
    },
    403: {
        "insufficient_scope",
        "forbidden",
        "csrf_failed",
        "quota_exceeded",
        "email_unverified",
        "account_suspended",
        "account_not_linked",
        "feature_disabled",
        "malware_detected",
        "ticket_required",
        "step_up_required",
    },
    404: {"not_found"},
    405: {"method_not_allowed"},
    409: {
        "name_conflict",
        "kind_conflict",
        "cycle",
        "state_conflict",
        "already_shared",
        "last_operator",
        "limit_reached",
        "username_taken",
        "idempotency_in_progress",
        "upload_incomplete",
    },
    410: {"cursor_expired", "events_forgotten", "link_expired", "link_exhausted", "upload_expired"},
    412: {"precondition_failed"},
    413: {"too_large"},
    415: {"unsupported_media_type"},
    416: {"range_invalid"},
    422: {
        "validation_failed",
        "name_invalid",
        "password_weak",
        "idempotency_key_reuse",
        "checksum_mismatch",
        "size_mismatch",
    },
    423: {"locked"},
    424: {"batch_undone"},
    428: {"precondition_required"},
    429: {"rate_limited", "too_many_attempts"},
    500: {"internal"},
    502: {"dependency_failed"},
    503: {"unavailable", "maintenance"},
    504: {"timeout"},
}


def ours() -> list[type[Problem]]:
    return [kind for kind in all_problems() if kind.__module__ == problems.__name__]


def test_every_promised_code_is_there_with_its_status_and_no_other_is() -> None:
    found: dict[int, set[str]] = {}
    for kind in ours():
        found.setdefault(kind.status, set()).add(kind.code)
    assert found == PROMISED


@for_every("kind", ours(), ids=lambda kind: kind.code)
def test_every_problem_says_what_it_is_and_can_be_found_by_its_code(kind: type[Problem]) -> None:
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    assert kind.code == snake
    assert kind.title
    assert kind.__doc__ not in {None, Problem.__doc__}
    assert problem_by_code(kind.code) is kind
    assert problem_by_code("no_such_code") is None


def test_the_drawn_tree_names_every_class() -> None:
    drawn = set(re.findall(r"\w+", problems.__doc__ or ""))
    assert {kind.__name__ for kind in ours()} <= drawn


def test_the_detail_defaults_to_the_title_and_extensions_are_kept() -> None:
    refusal = NameConflict(existing={"id": "x"}, suggested_name="b")
    assert refusal.detail == str(refusal) == NameConflict.title
    assert refusal.extensions == {"existing": {"id": "x"}, "suggested_name": "b"}


def test_a_branch_of_the_tree_cannot_be_raised() -> None:
    with pytest.raises(TypeError, match="branch"):
        problem.Conflict()


def test_an_extension_cannot_overwrite_a_member_of_the_format() -> None:
    with pytest.raises(TypeError, match="status"):
        NotFound(status=200)


def test_a_code_belongs_to_one_class_for_ever() -> None:
    with pytest.raises(TypeError, match="NotFound"):
        type("Gone2", (Problem,), {}, code="not_found", status=404, title="Twice")


@pytest.mark.parametrize(
    "constants",
    [
        {"code": "Bad-Code", "status": 400, "title": "t"},
        {"code": "no_title", "status": 400},
        {"code": "no_error", "status": 200, "title": "t"},
    ],
)
def test_a_class_with_unusable_constants_is_refused(constants: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="snake_case"):
        type("Odd", (Problem,), {}, **constants)


def test_what_may_succeed_later_is_told_from_what_never_will() -> None:
    assert isinstance(Unavailable(retry_after_seconds=1), Temporary)
    assert not isinstance(PreconditionFailed(), Temporary)


def test_a_problem_survives_the_way_between_processes() -> None:
    sent = NameConflict("taken", errors=(FieldError("/name", "taken", "taken"),), suggested_name="b")
    received = pickle.loads(pickle.dumps(sent))
    assert (received.detail, received.errors, received.extensions) == (sent.detail, sent.errors, sent.extensions)
