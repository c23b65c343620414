"""The media worker over HTTP: operators only, and none whose session has ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.identity import PAT_PREFIX, Verifier
from coffer_chassis.ids import new_id
from coffer_chassis.inbox import first_time
from coffer_chassis.revocations import DenyList
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import FixedClock
from coffer_chassis.unit_of_work import Work
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.event import Event
from coffer_contracts.ids import SessionId, TokenId, UserId
from coffer_media_worker.app import TABLES, TOPOLOGY, http_app
from coffer_media_worker.handlers.sessions import PEOPLE, PEOPLE_TABLE
from coffer_media_worker.settings import MediaWorkerSettings
from coffer_media_worker.store import tables
from factories.accounts import Issuer
from factories.databases import Database
from factories.events import arrived
from factories.operators import operations_of


def test_every_queue_hears_exactly_what_it_has_handlers_for() -> None:
    heard = {lane.queue: {kind for types in lane.reads.values() for kind in types} for lane in TOPOLOGY.lanes}
    assert heard == {queue: set(table) for queue, table in TABLES.items()}


def session_ended(ended: str, user_id: str, now: datetime) -> Event:
    until = now + timedelta(minutes=10)
    return SessionRevokedV1(
        session_id=SessionId(ended), user_id=UserId(user_id), reason="logout", revoked_at=now, tokens_expire_at=until
    )


def token_revoked(ended: str, user_id: str, now: datetime) -> Event:
    return TokenRevokedV1(
        token_id=TokenId(ended),
        user_id=UserId(user_id),
        name="script",
        scopes=("admin:read",),
        created_at=now,
        expires_at=now + timedelta(minutes=10),
        reason="revoked",
        revoked_at=now,
    )


@pytest.mark.parametrize(
    ("prefix", "claims", "end"),
    [
        ("", lambda ended: {"sid": ended}, session_ended),
        (PAT_PREFIX, lambda ended: {"kind": "pat", "sid": None, "jti": ended, "scopes": ["admin:read"]}, token_revoked),
    ],
    ids=["session", "personal access token"],
)
async def test_an_operator_is_let_in_until_the_session_or_token_ends_and_others_are_not(
    database: Database,
    tmp_path: Path,
    prefix: str,
    claims: Callable[[str], dict[str, Any]],
    end: Callable[[str, str, datetime], Event],
) -> None:
    url, clock, issuer = database("coffer_media_worker"), FixedClock(), Issuer()
    engine = create_async_engine(url)
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    here, elsewhere = DenyList(work, tables.revocations), DenyList(work, tables.revocations)
    settings = MediaWorkerSettings(database_url=url, cursor_key="00" * 32)

    async def status(denied: DenyList, token: str) -> int:
        verifier = Verifier((issuer.trusted,), tmp_path, clock, revocations=denied.revocations, fetch=issuer.fetch)
        app: Any = http_app(denied, CofferSettings(), settings, verifier, operations_of(TOPOLOGY, work))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://media.test", headers=headers) as http:
            return (await http.get("/v1/admin/media-worker/queues")).status_code

    ended, user_id = new_id(), new_id()
    operator = prefix + issuer.token(clock.now(), user_id=user_id, roles=["operator"], **claims(ended))
    person = issuer.token(clock.now(), user_id=user_id, sid=new_id())
    assert [await status(here, operator), await status(here, person), await status(here, "bad")] == [200, 403, 401]
    fact = end(ended, user_id, clock.now())

    class Handles:
        denied = here

    for _ in range(2):
        event = arrived(fact, sequence=2, source="/auth")
        async with engine.begin() as connection:
            unit = work.unit_on(connection, cause=event)
            assert await first_time(connection, tables.chassis, PEOPLE, event, unit.now)
            await PEOPLE_TABLE[event.type].run(event, unit, Handles)
    assert await status(here, operator) == 401
    (watch,) = elsewhere.watches()
    await watch.run()
    assert await status(elsewhere, operator) == 401
    await engine.dispose()
