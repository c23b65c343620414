"""Links that turn mail off: good for that, and made by nobody else."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_contracts.ids import UserId
from coffer_notifier.domain.preferences import DEFAULTS, LOCKED
from coffer_notifier.domain.unsubscribing import Leaving, address_for, opened, token_for

KEY, OLD = b"k" * 32, b"o" * 32
ANN = Leaving(UserId("0193439e-8a5c-7000-8000-00000000dead"), "share_received")


@pytest.mark.parametrize("kind", sorted(set(DEFAULTS) - LOCKED))
def test_says_who_wants_no_more_mail_of_what(kind: str) -> None:
    leaving = replace(ANN, kind=kind)
    token = token_for(KEY, leaving)
    assert opened([KEY], token) == leaving
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,200}", token), "it stands in an address as it is"


def test_works_as_long_as_its_key_is_known() -> None:
    assert opened([KEY, OLD], token_for(OLD, ANN)) == ANN
    assert opened([KEY], token_for(OLD, ANN)) is None
    assert opened([], token_for(KEY, ANN)) is None


@pytest.mark.parametrize("kind", sorted(LOCKED))
def test_turns_no_warning_off_however_it_was_made(kind: str) -> None:
    assert opened([KEY], token_for(KEY, replace(ANN, kind=kind))) is None


def test_one_for_another_type_or_person_needs_another_mark() -> None:
    user, kind, mark = token_for(KEY, ANN).split(".")
    other = "0193439e8a5c70008000" + "00000000beef"
    for forged in (f"{other}.{kind}.{mark}", f"{user}.share_left.{mark}", f"{user}.{kind}.{'A' * 32}", f"{user}.{kind}.", user):
        assert opened([KEY], forged) is None
    assert opened([KEY], f"{user.upper()}.{kind}.{mark}") is None
    assert opened([KEY], f" {user}.{kind}.{mark}\n") is None


@given(st.text())
def test_nothing_else_opens(text: str) -> None:
    assert opened([KEY], text) is None


def test_the_address_leads_to_this_coffer() -> None:
    assert address_for(KEY, "https://coffer.example.org", ANN).startswith(
        "https://coffer.example.org/v1/notifications/unsubscribe?token=0193439e8a5c7000800000000000dead.share_received."
    )
