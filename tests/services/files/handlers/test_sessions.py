"""A session ends elsewhere: from then on its tokens are refused here, by every process, until they have expired."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_chassis.identity import Verifier
from coffer_chassis.ids import new_id
from coffer_chassis.settings import CofferSettings
from coffer_contracts.auth import SessionRevokedV1
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import SessionId, UserId
from coffer_files.app import TOPOLOGY, http_app, jobs
from coffer_files.handlers.granting import on_session_revoked
from coffer_files.store.tables import revocations
from factories.accounts import Issuer
from factories.files import Files, envelope, files_on
from factories.operators import operations_of

LIFE = timedelta(minutes=10)


def revoked(files: Files, session_id: str, *, reason: str = "logout") -> Envelope[Event]:
    now = files.clock.now()
    fact = SessionRevokedV1(
        session_id=SessionId(session_id),
        user_id=UserId(files.owner.user_id),
        reason=reason,
        revoked_at=now,
        tokens_expire_at=now + LIFE,
    )
    return envelope(fact, sequence=2)


async def rows_of(files: Files, session_id: str) -> list[Any]:
    return await files.rows(revocations.select().where(revocations.c.session_id == session_id))


class Door:
    """The service's routes behind a verifier that knows a real issuer, as the service puts them together."""

    def __init__(self, files: Files, issuer: Issuer, cache: Path) -> None:
        denied = files.deps.denied.revocations
        verifier = Verifier((issuer.trusted,), cache, files.clock, revocations=denied, fetch=issuer.fetch)
        self._app: Any = http_app(files.deps, CofferSettings(), verifier, operations_of(TOPOLOGY, files.deps.work))

    async def opens(self, token: str) -> tuple[int, str | None]:
        """Status and problem code of a request with the token."""
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://files.test", headers=headers) as http:
            answer = await http.get("/v1/items/root/children")
        return answer.status_code, answer.json().get("code")


@pytest.mark.slow
@pytest.mark.parametrize("reason", ["logout", "reuse_detected", "a_word_of_tomorrow"])
async def test_a_token_of_an_ended_session_is_refused_and_others_of_the_person_go_on(
    files: Files, tmp_path: Path, reason: str
) -> None:
    issuer = Issuer()
    door = Door(files, issuer, tmp_path)
    ended, lasting = new_id(), new_id()
    tokens = {sid: issuer.token(files.clock.now(), user_id=files.owner.user_id, sid=sid) for sid in (ended, lasting)}
    assert [await door.opens(token) for token in tokens.values()] == [(200, None), (200, None)]
    await files.handle(revoked(files, ended, reason=reason))
    assert await door.opens(tokens[ended]) == (401, "unauthenticated")
    assert await door.opens(tokens[lasting]) == (200, None)


async def test_the_fact_may_come_before_the_token_was_ever_seen(files: Files, tmp_path: Path) -> None:
    issuer, session_id = Issuer(), new_id()
    await files.handle(revoked(files, session_id))
    token = issuer.token(files.clock.now(), sid=session_id)
    assert await Door(files, issuer, tmp_path).opens(token) == (401, "unauthenticated")


async def test_the_same_fact_twice_and_another_one_about_the_session_make_one_row(files: Files) -> None:
    session_id = new_id()
    first = revoked(files, session_id)
    files.clock.advance(seconds=30)
    again = revoked(files, session_id)
    await files.handle(again, first, first, again)
    [row] = await rows_of(files, session_id)
    assert row.until == files.clock.now() + LIFE


async def test_a_fact_that_comes_after_the_tokens_have_expired_leaves_nothing(files: Files) -> None:
    session_id = new_id()
    late = revoked(files, session_id)
    files.clock.advance(minutes=11)
    await files.handle(late)
    assert await rows_of(files, session_id) == []
    assert session_id not in files.deps.denied.revocations


async def test_a_crash_before_the_commit_leaves_no_row_and_the_next_delivery_makes_it(files: Files) -> None:
    fact: Any = revoked(files, new_id())

    async def crash() -> None:
        async with files.deps.work.unit(cause=fact, consumer="test") as unit:
            await on_session_revoked(fact, unit, files.deps)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await crash()
    assert await rows_of(files, fact.data.session_id) == []
    await files.handle(fact)
    assert len(await rows_of(files, fact.data.session_id)) == 1


async def test_a_process_that_only_answers_requests_hears_of_it_from_the_store(
    files: Files, store: str, tmp_path: Path
) -> None:
    issuer, session_id = Issuer(), new_id()
    token = issuer.token(files.clock.now(), sid=session_id)
    async with files_on(store) as other:
        door = Door(other, issuer, tmp_path)
        assert await door.opens(token) == (200, None)
        await files.handle(revoked(files, session_id))
        [watch] = other.deps.denied.watches()
        await watch.run()
        assert await door.opens(token) == (401, "unauthenticated")


async def test_routes_are_not_served_before_the_store_was_asked_who_has_signed_out(files: Files, store: str) -> None:
    session_id = new_id()
    await files.handle(revoked(files, session_id))
    async with files_on(store) as restarted:
        app = http_app(
            restarted.deps,
            CofferSettings(),
            Verifier((), Path(), restarted.clock),
            operations_of(TOPOLOGY, restarted.deps.work),
        )
        async with app.lifespan():
            assert session_id in restarted.deps.denied.revocations


async def test_rows_go_when_the_tokens_have_expired(files: Files) -> None:
    session_id = new_id()
    await files.handle(revoked(files, session_id))
    [forgetting] = [job for job in jobs(files.deps) if job.name == "forget_revocations"]
    await forgetting.run()
    assert len(await rows_of(files, session_id)) == 1
    files.clock.advance(minutes=11)
    await forgetting.run()
    assert await rows_of(files, session_id) == []
