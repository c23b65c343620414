"""Whatever operators can do is told as an act, which the audit keeps: held against every route of every service."""

import json

from coffer_chassis.access_rules import rule_of
from coffer_contracts.catalog import CATALOG
from coffer_local.registry import SERVICES
from coffer_notifier.handlers.auditing import AUDIT
from factories.golden import ROOT
from factories.rows import for_every

DOCUMENT = json.loads((ROOT / "deploy/local/coffer_local/openapi.json").read_text())
ACTED = ".operator.acted.v1"

ONLY_LOOKS = {"look_up_link": "finds the link that somebody complains of by its address, which must not stand in a URL"}
"""Operation -> why it is no act although it is no GET."""
LOOKS_AND_IS_AN_ACT = {"export_audit": "takes all of it away"}


def operations() -> list[tuple[str, str, str]]:
    """Service, method and operation of every route for operators."""
    return [
        (entry.name, method, str(handler.operation_id))
        for entry in SERVICES
        for handler in entry.routes
        for method in sorted(map(str, handler.http_methods))
        if (rule := rule_of(handler)) is not None and rule.audience == "operator"
    ]


OPERATIONS = operations()
EVENTS = {
    operation["operationId"]: operation.get("x-events", [])
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
    if isinstance(operation, dict) and "operationId" in operation
}


def test_there_are_such_routes_of_every_service() -> None:
    assert {service for service, _, _ in OPERATIONS} == {entry.name for entry in SERVICES}
    assert {*ONLY_LOOKS, *LOOKS_AND_IS_AN_ACT} <= {operation for _, _, operation in OPERATIONS}


@for_every(("service", "method", "operation"), OPERATIONS)
def test_a_route_that_acts_says_that_it_is_told_and_one_that_looks_is_not(service: str, method: str, operation: str) -> None:
    acts = (method != "GET" and operation not in ONLY_LOOKS) or operation in LOOKS_AND_IS_AN_ACT
    told = [event for event in EVENTS[operation] if event.endswith(ACTED)]
    assert bool(told) == acts, operation
    assert all(event == f"{service.partition('-')[0]}{ACTED}" for event in told), "its own service tells it"


def test_the_audit_hears_every_act() -> None:
    assert {wire_type for wire_type in CATALOG if wire_type.endswith(ACTED)} <= set(AUDIT)
