"""Every type of the catalog is kept by the audit or has a reason why not; what is kept leaves no field empty without one."""

import re
from typing import Any

from coffer_contracts.audited import ActedFact, AuditedFact
from coffer_contracts.auth import UserChangedV1
from coffer_contracts.catalog import CATALOG, EVENTS
from coffer_contracts.event import Envelope, Event
from coffer_contracts.operators import OperatorFact, Particular
from coffer_contracts.sharing import FieldChange
from coffer_notifier.domain.audit import AuditEntry, record_of
from coffer_notifier.domain.audit_entries import entry_of
from coffer_notifier.domain.audited import AUDITED, EMPTY, NOT_AUDITED, why_empty, why_not_kept
from coffer_notifier.handlers.auditing import AUDIT
from factories.golden import GOLDEN, message, wire_type
from factories.rows import for_every

SESSION = "01a15df5-00a0-7e11-8c3d-9a8b7c6d5e4f"
MAY_BE_EMPTY_BY_NATURE = {"count": "acts of operators alone have one", "detail": "there may be no more to say"}
PEOPLE = re.compile(
    r"(auth\.(session|login|password|mfa|token|identity|user)|sharing\.(share|link|invitation)|[a-z]+\.operator)\."
)
"""Families whose facts are about rights, accounts and the installation: what INTERFACES calls auth, permission, link, admin."""


def at_most(kind: type[Event]) -> Envelope[Any]:
    """The message of the type that says most, with what newer revisions may say as well."""
    stems = [path.stem for path in GOLDEN if wire_type(path) == kind.type]
    told: Envelope[Any] = max((message(stem) for stem in stems), key=lambda one: len(one.data.model_dump(exclude_none=True)))
    more: dict[str, Any] = {}
    fact = told.data
    if isinstance(fact, ActedFact):
        more["actor_session_id"] = SESSION
    if isinstance(fact, AuditedFact):
        more |= {"address": "192.0.2.4", "agent": "curl/8.5.0"}
    if isinstance(fact, OperatorFact):
        where = (Particular(name="address", value="192.0.2.4"), Particular(name="agent", value="curl/8.5.0"))
        more["detail"] = (*fact.detail, *where)
    if isinstance(fact, UserChangedV1):
        more["fields"] = tuple(FieldChange(field=name, before="a", after="b") for name in fact.changes)
    return told.model_copy(update={"data": fact.model_copy(update=more)})


def leaves(record: dict[str, Any]) -> dict[str, Any]:
    """Field -> value, parts by their path."""
    told: dict[str, Any] = {}
    for name, value in record.items():
        if name in {"actor", "resource"}:
            told |= {f"{name}.{part}": inner for part, inner in value.items()}
        elif name not in MAY_BE_EMPTY_BY_NATURE:
            told[name] = value
    return told


def kept(kind: type[Event]) -> AuditEntry:
    entry = entry_of(at_most(kind), "01a15df5-00a0-7e11-8c3d-000000000001")
    assert entry is not None
    return entry


def test_every_type_is_kept_or_has_one_reason_why_not() -> None:
    for event in EVENTS:
        reason = why_not_kept(event.type)
        assert (event in AUDITED) != bool(reason), f"{event.type}: say in domain/audited.py whether it is kept"
    assert set(AUDIT) == {event.type for event in AUDITED}


def test_no_act_about_rights_accounts_and_the_installation_is_left_out_but_by_its_own_name() -> None:
    for event in EVENTS:
        if PEOPLE.match(event.type) and event not in AUDITED:
            assert event.type in NOT_AUDITED, event.type


def test_no_reason_stands_for_types_that_are_no_more() -> None:
    for beginning in (*NOT_AUDITED, *EMPTY):
        assert any(known.startswith(beginning) for known in CATALOG), beginning


@for_every("kind", AUDITED, ids=lambda kind: kind.type)
def test_every_field_is_filled_or_has_a_reason(kind: type[Event]) -> None:
    empty = {name for name, value in leaves(record_of(kept(kind))).items() if value in (None, "", {}, [])}
    assert empty == set(why_empty(kind.type)), kind.type


@for_every("kind", AUDITED, ids=lambda kind: kind.type)
def test_what_was_changed_is_told_as_two_values(kind: type[Event]) -> None:
    entry = kept(kind)
    assert all(len(values) == 2 for values in entry.changes.values())
    assert all(isinstance(value, str) for value in entry.detail.values())


def test_nothing_that_people_write_to_each_other_is_kept() -> None:
    said = at_most(CATALOG["sharing.share.created.v1"])
    assert said.data.message
    entry = entry_of(said, "01a15df5-00a0-7e11-8c3d-000000000001")
    assert entry is not None
    assert said.data.message not in str(record_of(entry))


@for_every("wire_type", [kind.type for kind in AUDITED if kind.type.startswith("sharing.link.")])
def test_of_visitors_of_links_nothing_but_network_and_program_is_kept(wire_type: str) -> None:
    fact = CATALOG[wire_type]
    if "network" not in fact.model_fields:
        return
    assert not {"address", "agent"} & fact.model_fields.keys()
    entry = kept(fact)
    assert entry.address is not None
    assert "/" in entry.address, "a network, not an address"
    assert entry.actor_kind == "link"
