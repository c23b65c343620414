"""Signing out counts here as soon as its fact has come, whatever the token says."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_chassis.identity import Verifier
from coffer_chassis.ids import new_id
from coffer_chassis.settings import CofferSettings
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.ids import SessionId
from coffer_sharing.app import TOPOLOGY, http_app, jobs
from coffer_sharing.store.tables import revocations
from factories.accounts import Issuer
from factories.events import arrived
from factories.operators import operations_of
from factories.sharing import Sharing, sharing_on

LIFE = timedelta(minutes=10)


def revoked(sharing: Sharing, session_id: str) -> Any:
    now = sharing.clock.now()
    fact = SessionRevokedV1(
        session_id=SessionId(session_id),
        user_id=sharing.owner.user_id,
        reason="logout",
        revoked_at=now,
        tokens_expire_at=now + LIFE,
    )
    return arrived(fact, sequence=2, source="/auth")


async def opens(sharing: Sharing, issuer: Issuer, cache: Path, token: str) -> int:
    """Status of a request with the token, behind a verifier that knows a real issuer, as the service puts them together."""
    denied = sharing.deps.denied.revocations
    verifier = Verifier((issuer.trusted,), cache, sharing.clock, revocations=denied, fetch=issuer.fetch)
    app: Any = http_app(sharing.deps, CofferSettings(), verifier, operations_of(TOPOLOGY, sharing.deps.work))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sharing.test", headers=headers) as http:
        return (await http.get("/v1/shares/with-me")).status_code


@pytest.mark.slow
async def test_a_token_of_an_ended_session_is_refused_in_every_process_and_others_go_on(
    sharing: Sharing, store: str, tmp_path: Path
) -> None:
    issuer, ended, lasting = Issuer(), new_id(), new_id()
    now = sharing.clock.now()
    tokens = {sid: issuer.token(now, user_id=sharing.owner.user_id, sid=sid) for sid in (ended, lasting)}
    async with sharing_on(store) as other:
        assert [await opens(other, issuer, tmp_path, token) for token in tokens.values()] == [200, 200]
        await sharing.handle(revoked(sharing, ended))
        assert await opens(sharing, issuer, tmp_path, tokens[ended]) == 401
        [watch] = other.deps.denied.watches()
        await watch.run()
        assert await opens(other, issuer, tmp_path, tokens[ended]) == 401
        assert await opens(other, issuer, tmp_path, tokens[lasting]) == 200


async def test_rows_go_when_the_tokens_have_expired(sharing: Sharing) -> None:
    session_id = new_id()
    await sharing.handle(revoked(sharing, session_id))
    [forgetting] = [job for job in jobs(sharing.deps) if job.name == "forget_revocations"]
    mine = revocations.select().where(revocations.c.session_id == session_id)
    await forgetting.run()
    assert len(await sharing.rows(mine)) == 1
    sharing.clock.advance(minutes=11)
    await forgetting.run()
    assert await sharing.rows(mine) == []


async def test_a_narrow_token_does_no_more_than_it_may(sharing: Sharing, tmp_path: Path) -> None:
    issuer = Issuer()
    verifier = Verifier((issuer.trusted,), tmp_path, sharing.clock, fetch=issuer.fetch)
    reading, writing, neither = (
        "cof_pat_" + issuer.token(sharing.clock.now(), user_id=sharing.owner.user_id, kind="pat", sid=None, scopes=scopes)
        for scopes in (["files:read"], ["shares:write"], ["files:write"])
    )
    [shown] = await sharing.share(await sharing.item(), await sharing.person())
    one = f"/v1/shares/{shown.share.id}"
    item = {"item_id": shown.share.item_id}
    reads = [
        ("/v1/shares", item),
        ("/v1/shares/explain", item),
        ("/v1/shares/by-me", {}),
        ("/v1/shares/with-me", {}),
        (one, {}),
    ]
    async with sharing.client(verifier=verifier) as http:
        for token, status in ((reading, 200), (writing, 403), (neither, 403)):
            for path, query in reads:
                answer = await http.get(path, params=query, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == status, (path, answer.text)
        for method, path in (("POST", "/v1/shares"), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/leave")):
            for token in (reading, neither):
                answer = await http.request(method, path, json={}, headers={"Authorization": f"Bearer {token}"})
                assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        answer = await http.delete(one, headers={"Authorization": f"Bearer {writing}"})
        assert answer.status_code == 204
        assert (await sharing.now(shown)).end_reason == "revoked"


@pytest.mark.parametrize("header", ["", "Bearer bad", "Basic YTpi"])
async def test_without_a_token_there_is_nothing(sharing: Sharing, header: str) -> None:
    async with sharing.client() as http:
        for method, path in (("GET", "/v1/shares/with-me"), ("POST", "/v1/shares"), ("DELETE", f"/v1/shares/{new_id()}")):
            answer = await http.request(method, path, headers={"Authorization": header})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
