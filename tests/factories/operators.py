"""Operators in tests: what their routes stand on, letters that died, and a client of the routes of a store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import insert

from coffer_chassis.admin.operations import Operations
from coffer_chassis.admin.routes import admin_routes
from coffer_chassis.bus import Bus
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.cursors import Cursors
from coffer_chassis.http import build_app
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.limits import Limiter
from coffer_chassis.origin import Origin
from coffer_chassis.testing import NOON
from coffer_chassis.topology import Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts import auth, files, media, notifier, sharing
from coffer_contracts.catalog import parse
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.problems import Unauthenticated
from coffer_local.registry import topology
from factories.consuming import LANE
from factories.eventing import TABLES, Store, envelope, failed
from factories.limits import limiter_of

ACTED: dict[str, type[OperatorFact]] = {
    "auth": auth.OperatorActedV1,
    "files": files.OperatorActedV1,
    "media-worker": media.OperatorActedV1,
    "sharing": sharing.OperatorActedV1,
    "notifier": notifier.OperatorActedV1,
}
WHOLE = topology("coffer")
BOSS = "01a15df5-00a0-77b9-830d-40bd57deeac1"
OPERATOR = Origin(BOSS, "operator", "01a1f8a0-1a00-72eb-a4db-933bb6e48e3d")


def operations_of(own: ServiceTopology, work: Work, limiter: Limiter | None = None) -> Operations:
    """The operations of a service of this release, over a bus in memory."""
    return Operations(own, work, MemoryBus(WHOLE), ACTED[own.service], limiter or limiter_of())


def operations_on(store: Store, bus: Bus, *lanes: Lane, limiter: Limiter | None = None) -> Operations:
    """The operations of a service called `second`, whose lane a WatchedBus has."""
    return Operations(
        ServiceTopology("second", lanes or (LANE,)), store.work, bus, auth.OperatorActedV1, limiter or limiter_of()
    )


async def letter(store: Store, number: int = 1, **changes: Any) -> str:
    """A message about user `number` that died now; its id."""
    fact = envelope(failed(number))
    row = {
        "id": new_id(),
        "queue": LANE.queue,
        "message_id": new_id(),
        "type": fact.type,
        "body": fact.to_json(),
        "attributes": {"type": fact.type, "id": fact.id},
        "reason": "not like this",
        "error_class": "Reject",
        "handler": "count_it",
        "receives": 1,
        "dead_at": store.clock.now(),
    }
    async with store.engine.begin() as connection:
        await connection.execute(insert(TABLES.dead_letters).values(row | changes))
    return str((row | changes)["id"])


async def acts(store: Store) -> list[tuple[str, str, int]]:
    """Action, target without its id, and count of every act that was told, in order; each by an operator."""
    told = []
    for row in sorted(await store.rows(TABLES.outbox), key=lambda row: int(row.position)):
        fact: Any = parse(row.body)
        if isinstance(fact.data, OperatorFact):
            assert fact.actorkind == "operator"
            told.append((fact.data.action, fact.data.target.partition("/")[0], fact.data.count))
    return told


class Roles:
    """Verifies tokens that say what they are: `operator`, `person`, `token` or `link`, and `operator-2` as another one."""

    async def verify(self, token: str) -> Principal:
        """Somebody of that kind."""
        kind, _, number = token.partition("-")
        if kind not in {"operator", "person", "token", "link"}:
            raise Unauthenticated
        known: Any = {"token": "token", "link": "link"}
        return Principal(
            kind=known.get(kind, "user"),
            user_id=UserId(BOSS if not number else f"{BOSS[:-1]}{number}"),
            session_id=SessionId(new_id()),
            scopes=frozenset({"files:read", "files:write"}),
            expires_at=NOON + timedelta(hours=1),
            roles=frozenset({"operator"} if kind in {"operator", "token"} else ()),
        )


@asynccontextmanager
async def operators_client(operations: Operations, token: str = "operator") -> AsyncIterator[httpx.AsyncClient]:  # no secret
    """A client of the service's operators' routes, without a network; failures are answers."""
    app: Any = build_app(
        service=operations.topology.service,
        route_handlers=admin_routes(operations.topology.service),
        verifier=Roles(),
        limiter=operations.limiter,
        dependencies={"operations": operations, "cursors": Cursors(bytes(32))},
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/admin/second", headers=headers) as http:
        yield http
