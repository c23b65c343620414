"""Where something was done from is noted in facts that say so, of people, tokens and operators, and of nobody else."""

from datetime import timedelta

import pytest

from coffer_chassis.callers import Caller
from coffer_chassis.origin import Origin
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.auth_passwords import PasswordChangedV1
from coffer_contracts.event import ActorKind
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.sharing import ShareRevokedV1
from factories.events import NOON
from factories.telling import Share, drive, user_id

HERE = Caller("203.0.113.9", "curl/8.5.0")
SESSION = SessionId("01a15df5-00a0-7e11-8c3d-9a8b7c6d5e4f")


def revoked() -> ShareRevokedV1:
    return Share(drive(user_id()).below("Plans", "folder"), user_id()).revoked().data


@pytest.mark.parametrize("kind", ["user", "token", "operator"])
def test_a_fact_about_rights_says_from_where_and_in_which_session_it_was_done(kind: ActorKind) -> None:
    origin = Origin("somebody", kind, "request", caller=HERE, session_id=SESSION)
    fact = origin.noted(revoked())
    assert (fact.address, fact.agent, fact.actor_session_id) == ("203.0.113.9", "curl/8.5.0", SESSION)


@pytest.mark.parametrize("kind", ["link", "system"])
def test_of_visitors_and_of_nobody_nothing_is_noted(kind: ActorKind) -> None:
    plain = revoked()
    assert Origin(None, kind, "request", caller=HERE, session_id=SESSION).noted(plain) == plain


def test_what_follows_from_another_fact_has_no_place() -> None:
    cause = Share(drive(user_id()).below("Plans", "folder"), user_id()).revoked()
    plain = revoked()
    assert Origin.of(cause).noted(plain) == plain


def test_what_the_fact_says_itself_stays() -> None:
    origin = Origin("somebody", "user", "request", caller=HERE, session_id=SESSION)
    own = revoked().model_copy(update={"address": "198.51.100.1"})
    assert origin.noted(own).address == "198.51.100.1"


def test_an_operators_address_never_comes_into_facts_that_their_owner_reads() -> None:
    """Activity shows people the address of what happened to their account."""
    fact = PasswordChangedV1(user_id=UserId(user_id()), how="reset", changed_at=NOON)
    noted = Origin("boss", "operator", "request", caller=HERE, session_id=SESSION).noted(fact)
    assert (noted.address, noted.agent, noted.actor_session_id) == (None, None, SESSION)


def test_facts_that_do_not_say_so_are_left_alone() -> None:
    fact = LoginFailedV1(user_id=UserId(user_id()), reason="x", failed_at=NOON + timedelta(hours=1), failures=1)
    assert Origin("somebody", "user", "request", caller=HERE, session_id=SESSION).noted(fact) is fact
