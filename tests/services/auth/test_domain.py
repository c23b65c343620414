"""The rules of accounts, sessions and counters, and of signing keys, without a store."""

from datetime import timedelta

import pytest

from coffer_auth.domain.accounts import accept_username, key_of
from coffer_auth.domain.attempts import ATTEMPT_LIMITS, AttemptCount, Counter, Standing, seconds_until_allowed
from coffer_auth.domain.sessions import ACCESS_LIFE, REFRESH_GRACE, RefreshVerdict, Session, judge_refresh
from coffer_auth.tokens import digest_of, new_refresh_token
from coffer_chassis.signing.keys import (
    KEY_LIFE,
    PUBLISHED_BEFORE_USE,
    PUBLISHED_BEYOND,
    WrongKeySecret,
    key_set,
    new_key,
    open_key,
    plan_keys,
)
from coffer_chassis.testing import NOON
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import ValidationFailed

SECRET = b"k" * 32


@pytest.mark.parametrize("name", ["ann", "Jörg-Æ", "a.b_c-9", "李小龍", "נועה", "x" * 64, "मीरा"])
def test_accepts_names_of_any_script(name: str) -> None:
    assert accept_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "x" * 65,
        "a b c",
        "a@b",
        ".abc",
        "abc.",
        "-abc",
        "___",
        "a\u200bbc",
        "abc\u3164",
        "a\ufe0fbc",
        "a\u202ebc",
        "a\x00bc",
        "abc\n",
        "\uff41\uff42\uff43",
        "ﬁnn",
        "a😀bc",
        "\u0301abc",
        "a/bc",
        "\ud800abc",
    ],
)
def test_refuses_names_that_mislead_or_break(name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        accept_username(name)
    assert refused.value.errors[0].pointer == "/username"


@pytest.mark.parametrize(
    ("one", "other"), [("Ann", "aNN"), ("zoe\u0308", "ZOË"), ("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος")]
)
def test_names_that_look_alike_have_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


def session(**changes: object) -> Session:
    return Session(
        id=SessionId("s"),
        user_id=UserId("u"),
        device_name=None,
        created_at=NOON,
        expires_at=NOON + timedelta(days=30),
        revision=1,
        revoked_at=NOON if changes.get("revoked") else None,
    )


@pytest.mark.parametrize(
    ("rotated_ago", "verdict"),
    [
        (None, RefreshVerdict.ROTATE),
        (timedelta(0), RefreshVerdict.GRACE),
        (REFRESH_GRACE, RefreshVerdict.GRACE),
        (REFRESH_GRACE + timedelta(microseconds=1), RefreshVerdict.REUSE),
    ],
)
def test_a_spent_refresh_token_has_ten_seconds_of_grace(rotated_ago: timedelta | None, verdict: RefreshVerdict) -> None:
    now = NOON + timedelta(hours=1)
    rotated_at = None if rotated_ago is None else now - rotated_ago
    later = NOON + timedelta(days=30)
    assert judge_refresh(session=session(), rotated_at=rotated_at, expires_at=later, now=now) is verdict


def test_an_ended_session_is_dead_whatever_the_token() -> None:
    now, later = NOON + timedelta(hours=1), NOON + timedelta(days=90)
    for rotated_at in (None, now, NOON):
        assert judge_refresh(session=session(revoked=True), rotated_at=rotated_at, expires_at=later, now=now) is (
            RefreshVerdict.DEAD
        )
    assert judge_refresh(session=session(), rotated_at=None, expires_at=now, now=now) is RefreshVerdict.DEAD
    month = NOON + timedelta(days=30)
    assert judge_refresh(session=session(), rotated_at=None, expires_at=later, now=month) is RefreshVerdict.DEAD


@pytest.mark.parametrize("standing", Standing)
def test_every_limit_refuses_until_the_last_full_window_ends(standing: Standing) -> None:
    for name, failures in ATTEMPT_LIMITS.items():
        below: dict[Counter, AttemptCount] = {name: AttemptCount(failures - 1, NOON + timedelta(minutes=5))}
        assert seconds_until_allowed(below, NOON, standing) == 0
        full: dict[Counter, AttemptCount] = {name: AttemptCount(failures, NOON + timedelta(minutes=5))}
        assert seconds_until_allowed(full, NOON, standing) == (301 if name in standing.counters else 0)
        assert seconds_until_allowed(full, NOON + timedelta(minutes=5), standing) == 0
    assert seconds_until_allowed({}, NOON, standing) == 0


def test_everybody_is_bounded_by_some_counter() -> None:
    assert {name for standing in Standing for name in standing.counters} == set(ATTEMPT_LIMITS)
    assert all(standing.counters for standing in Standing)


def test_the_first_key_is_usable_at_once_and_the_next_is_published_before() -> None:
    assert plan_keys([], NOON, ACCESS_LIFE).make_usable_from == NOON
    first = new_key(SECRET, now=NOON, usable_from=NOON)
    assert plan_keys([first], NOON + KEY_LIFE - timedelta(seconds=1), ACCESS_LIFE).make_usable_from is None
    later = NOON + KEY_LIFE
    assert plan_keys([first], later, ACCESS_LIFE).make_usable_from == later + PUBLISHED_BEFORE_USE
    second = new_key(SECRET, now=later, usable_from=later + PUBLISHED_BEFORE_USE)
    soon = later + PUBLISHED_BEFORE_USE + timedelta(minutes=5)
    assert plan_keys([first, second], soon, ACCESS_LIFE).retire == ()
    done = later + PUBLISHED_BEFORE_USE + ACCESS_LIFE + PUBLISHED_BEYOND
    assert plan_keys([first, second], done, ACCESS_LIFE).retire == (first.id,)
    assert plan_keys([second], done, ACCESS_LIFE).retire == ()


def test_a_sealed_key_opens_with_its_secret_only() -> None:
    key = new_key(SECRET, now=NOON, usable_from=NOON)
    opened = open_key(SECRET, key)
    assert opened.private.public_key().public_bytes_raw() == key.public_key
    assert opened.private.private_bytes_raw() not in key.sealed_private_key
    with pytest.raises(WrongKeySecret, match="KEY_SECRET"):
        open_key(b"x" * 32, key)


def test_a_key_set_holds_public_halves_only() -> None:
    (published,) = key_set([new_key(SECRET, now=NOON, usable_from=NOON)])["keys"]
    assert set(published) == {"kty", "crv", "use", "alg", "kid", "x"}


def test_refresh_tokens_are_long_different_and_stored_as_digests() -> None:
    tokens = {new_refresh_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 and len(digest_of(token)) == 32 for token in tokens)
