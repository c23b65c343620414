"""Personal access tokens: made once, shown once, bounded, refused once revoked, good as long as they say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import text

from coffer_auth.app import build_verifier
from coffer_auth.domain.access_tokens import LONGEST_LIFE, accept_scopes
from coffer_auth.handlers import access_tokens, operators
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.operators import grant_operator
from coffer_auth.handlers.reactions import on_token_seen
from coffer_chassis.answers import timestamp
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Revocations
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import WHOLE_EVERY
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import FixedClock
from coffer_contracts.files import SightingNotedV1
from coffer_contracts.ids import SessionId, SightingId, TokenId, UserId
from coffer_contracts.problems import LimitReached, NotFound, StepUpRequired, TokenExpired, Unauthenticated, ValidationFailed
from coffer_contracts.scopes import USER_SCOPES
from factories.accounts import HOME, PASSWORD, auth_deps, auth_over_http, facts, origin, registered
from factories.databases import PostgresServer
from factories.events import arrived
from factories.factors import asker_of, member, signed_in, token_of
from factories.signed_in import again

ANY = Conditions()


def body(clock: FixedClock, **changes: Any) -> dict[str, Any]:
    honest = {"name": "backup", "scopes": ["files:read"], "expires_at": (clock.now() + timedelta(days=30)).isoformat()}
    return honest | changes


async def session_at(http: httpx.AsyncClient, deps: Deps) -> str:
    """Sign a fresh person in at the client; who it is."""
    user = await registered(deps)
    answer = await http.post("/v1/auth/login", json={"login": user.username, "password": PASSWORD})
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return user.id


async def test_a_token_is_shown_once_does_what_its_scopes_say_and_ends(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    user_id = await session_at(http, deps)
    made = await http.post("/v1/me/tokens", json=body(clock, scopes=["account:read", "files:read", "files:read"]))
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    token = made.json()["token"]
    assert token.startswith("cof_pat_")
    assert made.json()["scopes"] == ["account:read", "files:read"]
    listed = await http.get("/v1/me/tokens")
    assert token not in listed.text
    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await http.get("/v1/me", headers=bearer)).json()["id"] == user_id
    verified = await http.get("/v1/auth/verify", headers=bearer)
    assert verified.headers["x-scopes"] == "account:read files:read"
    for method, path in (
        ("GET", "/v1/me/tokens"),
        ("POST", "/v1/me/tokens"),
        ("POST", "/v1/auth/logout"),
        ("GET", "/v1/me/mfa"),
    ):
        refused = await http.request(method, path, headers=bearer, json=body(clock) if method == "POST" else None)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
    assert (await http.delete(f"/v1/me/tokens/{made.json()['id']}")).status_code == 204
    assert (await http.get("/v1/me", headers=bearer)).status_code == 401
    assert (await http.get("/v1/me/tokens")).json()["items"] == []
    assert (await http.delete(f"/v1/me/tokens/{made.json()['id']}")).status_code == 404
    created, revoked = await facts(deps, f"token/{made.json()['id']}")
    assert [created["type"], revoked["type"]] == ["auth.token.created.v1", "auth.token.revoked.v1"]
    assert [created["sequence"], revoked["sequence"]] == ["000000000001", "000000000002"]
    assert revoked["data"]["reason"] == "person"
    assert created["data"]["address"] == "127.0.0.1"
    assert token not in str([created, revoked])


async def test_a_request_sent_twice_makes_one_token_and_stores_no_secret(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    await session_at(http, deps)
    key, wish = {"Idempotency-Key": new_id()}, body(clock)
    first, second = [await http.post("/v1/me/tokens", json=wish, headers=key) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await http.get("/v1/me/tokens")).json()["items"]) == 1
    async with deps.work.read() as connection:
        kept = (await connection.execute(text("SELECT result::text FROM idempotency_keys"))).scalars().all()
    assert not any("cof_pat_" in str(result) for result in kept)


async def test_lists_go_on_behind_a_cursor(http: httpx.AsyncClient, deps: Deps, clock: FixedClock) -> None:
    await session_at(http, deps)
    names = []
    for number in range(5):
        names.append(f"script {number}")
        assert (await http.post("/v1/me/tokens", json=body(clock, name=names[-1]))).status_code == 201
    found, cursor = [], None
    while True:
        page = (await http.get("/v1/me/tokens", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        found += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == names[::-1]
    assert (await http.get("/v1/me/tokens", params={"cursor": "nonsense"})).json()["code"] == "cursor_invalid"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"scopes": ["files:everything"]}, "/scopes"),
        ({"scopes": ["admin:read"]}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 129}, "/name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"token": "mine"}, "/token"),
    ],
)
async def test_refuses_a_wish_and_points_at_the_fault(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock, changes: dict[str, Any], pointer: str
) -> None:
    await session_at(http, deps)
    answer = await http.post("/v1/me/tokens", json=body(clock, **changes))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_making_and_revoking_need_a_fresh_proof(deps: Deps, clock: FixedClock) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    token = await token_of(deps, asker)
    clock.advance(minutes=16)
    with pytest.raises(StepUpRequired):
        await token_of(deps, asker)
    with pytest.raises(StepUpRequired):
        await access_tokens.revoke(token.id, asker, deps)


async def test_nobody_revokes_somebody_elses_token(deps: Deps) -> None:
    mine, theirs = [asker_of(await signed_in(deps, await registered(deps))) for _ in range(2)]
    token = await token_of(deps, theirs)
    for stranger in (token.id, TokenId(new_id())):
        with pytest.raises(NotFound):
            await access_tokens.revoke(stranger, mine, deps)
    assert len(await facts(deps, f"token/{token.id}")) == 1


async def test_an_account_has_fifty_tokens_at_most_and_expired_ones_do_not_count(deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    asker = asker_of(await signed_in(deps, user))
    for _ in range(50):
        await token_of(deps, asker, days=1)
    with pytest.raises(LimitReached):
        await token_of(deps, asker)
    clock.advance(days=1)
    assert await token_of(deps, asker_of(await signed_in(deps, user)))


async def test_a_token_lives_exactly_as_long_as_it_says(deps: Deps, clock: FixedClock, tmp_path: Path) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    token = await token_of(deps, asker, days=1)
    _, shown = await access_tokens.signed(token.id, deps)
    verifier = build_verifier(CofferSettings(home=tmp_path), deps)
    clock.advance(hours=23, minutes=59)
    principal = await verifier.verify(shown)
    assert (principal.kind, str(principal.session_id), principal.scopes) == ("token", str(token.id), frozenset({"files:read"}))
    clock.advance(minutes=2)
    with pytest.raises(TokenExpired):
        await verifier.verify(shown)


async def test_a_token_outlives_the_rotation_of_the_key_that_signed_it(
    postgres: PostgresServer, clock: FixedClock, tmp_path: Path
) -> None:
    async with auth_deps(postgres.database("coffer_auth"), clock=clock) as deps:
        asker = asker_of(await signed_in(deps, await registered(deps)))
        token = await token_of(deps, asker, days=200)
        _, shown = await access_tokens.signed(token.id, deps)
        for _ in range(2):
            clock.advance(days=90)
            await deps.keys.current()
            clock.advance(minutes=90)
            await deps.keys.current()
        assert (await deps.keys.current()).id != token.key_id
        assert (await build_verifier(CofferSettings(home=tmp_path), deps).verify(shown)).session_id == SessionId(token.id)
        assert len((await deps.keys.published())["keys"]) == 2, "the key in between signed no token and is gone"
        clock.advance(days=21)
        await deps.keys.current()
        assert token.key_id not in {key["kid"] for key in (await deps.keys.published())["keys"]}


async def test_other_processes_of_auth_refuse_a_revoked_token_also_after_a_start(
    url: str, deps: Deps, clock: FixedClock, tmp_path: Path
) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    token = await token_of(deps, asker)
    _, shown = await access_tokens.signed(token.id, deps)
    async with auth_deps(url, clock=clock) as other:
        verifier = build_verifier(CofferSettings(home=tmp_path), other)
        assert await verifier.verify(shown)
        await access_tokens.revoke(token.id, asker, deps)
        for watch in access_tokens.watches(other):
            await watch.run()
        with pytest.raises(Unauthenticated):
            await verifier.verify(shown)
    async with auth_deps(url, clock=clock) as restarted, auth_over_http(restarted, tmp_path) as http:
        assert (await http.get("/v1/auth/verify", headers={"Authorization": f"Bearer {shown}"})).status_code == 401


async def test_who_loses_a_role_loses_the_tokens_that_need_it(deps: Deps) -> None:
    user = await registered(deps)
    await grant_operator(user.username, deps)
    asker = asker_of(await signed_in(deps, user))
    plain, admin = await token_of(deps, asker), await token_of(deps, asker, "admin:read", "files:read")
    _, shown = await access_tokens.signed(admin.id, deps)
    assert jwt.decode(shown.removeprefix("cof_pat_"), options={"verify_signature": False})["roles"] == ["operator"]
    _, shown = await access_tokens.signed(plain.id, deps)
    assert jwt.decode(shown.removeprefix("cof_pat_"), options={"verify_signature": False})["roles"] == []
    for expected in ([admin.id], []):
        async with deps.work.unit(origin()) as unit:
            ended = await access_tokens.revoke_all(
                user.id, "operator", HOME, unit, with_any_of=frozenset({"admin:read", "admin:write"})
            )
        assert [token.id for token in ended] == expected
    async with deps.work.unit(origin()) as unit:
        ended = await access_tokens.revoke_all(user.id, "account_ended", HOME, unit)
    access_tokens.refuse(ended, deps)
    assert [token.id for token in ended] == [plain.id]
    assert plain.id in deps.revocations


async def test_operators_end_the_tokens_of_whom_they_shut_out(deps: Deps) -> None:
    boss = await again(deps, await grant_operator((await registered(deps)).username, deps))
    user = await registered(deps)
    await grant_operator(user.username, deps)
    asker = asker_of(await signed_in(deps, user))
    plain, admin = await token_of(deps, asker), await token_of(deps, asker, "admin:write")
    who = (deps, boss.principal, boss.origin, user.id)
    await operators.change_account(*who, {"role": "user"}, ANY)
    assert [admin.id in deps.revocations, plain.id in deps.revocations] == [True, False]
    await operators.change_account(*who, {"status": "suspended"}, ANY)
    assert plain.id in deps.revocations
    assert [fact["data"].get("reason") for fact in await facts(deps, f"token/{plain.id}")] == [None, "operator"]


async def test_an_operator_resets_the_second_factor_of_who_lost_it(deps: Deps, clock: FixedClock) -> None:
    boss = await again(deps, await grant_operator((await registered(deps)).username, deps))
    ada = await member(deps, clock)
    who = (deps, boss.principal, boss.origin, ada.user.id)
    for _ in range(2):
        await operators.reset_second_factor(*who)
    assert ada.pair.session.id in deps.revocations
    assert await signed_in(deps, ada.user), "by the password alone"


async def test_ended_tokens_are_forgotten_in_time(deps: Deps, clock: FixedClock) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    short, long = await token_of(deps, asker, days=1), await token_of(deps, asker, days=60)
    clock.advance(days=9)
    for _ in range(2):
        for job in jobs(deps):
            await job.run()
    with pytest.raises(NotFound):
        await access_tokens.signed(short.id, deps)
    assert (await access_tokens.signed(long.id, deps))[0].id == long.id


@pytest.mark.parametrize(
    "bend",
    [
        lambda token: token.removeprefix("cof_pat_"),
        lambda token: "cof_pat_" + token,
        lambda token: token[:-8] + "AAAAAAAA",
    ],
    ids=["without its prefix", "with two", "with another signature"],
)
async def test_a_bent_token_is_refused(deps: Deps, tmp_path: Path, bend: Callable[[str], str]) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    _, shown = await access_tokens.signed((await token_of(deps, asker)).id, deps)
    with pytest.raises(Unauthenticated):
        await build_verifier(CofferSettings(home=tmp_path), deps).verify(bend(shown))


def test_scopes_are_those_of_the_account_at_most() -> None:
    assert accept_scopes(["files:write", "files:read", "files:read"], USER_SCOPES) == ("files:read", "files:write")
    for wrong in (["admin:read"], ["nothing"], []):
        with pytest.raises(ValidationFailed):
            accept_scopes(wrong, USER_SCOPES)
    assert timedelta(days=365) < LONGEST_LIFE


async def test_the_owner_sees_when_a_token_was_used_last_wherever_that_was(
    http: httpx.AsyncClient, deps: Deps, clock: FixedClock
) -> None:
    await session_at(http, deps)
    made = (await http.post("/v1/me/tokens", json=body(clock, scopes=["account:read"]))).json()
    assert (await http.get("/v1/me/tokens")).json()["items"][0]["last_used_at"] is None
    assert (await http.get("/v1/me", headers={"Authorization": f"Bearer {made['token']}"})).status_code == 200
    for job in access_tokens.watches(deps):
        await job.run()
    at_auth = (await http.get("/v1/me/tokens")).json()["items"][0]["last_used_at"]
    assert at_auth == timestamp(clock.now())
    for minutes, source in ((5, "/files"), (3, "/sharing"), (4, "/files")):
        fact = SightingNotedV1(
            sighting_id=SightingId(new_id()),
            token_id=TokenId(made["id"]),
            user_id=UserId(new_id()),
            used_at=clock.now() + timedelta(minutes=minutes),
        )
        event = arrived(fact, sequence=1, source=source)
        async with deps.work.unit(origin()) as unit:
            await on_token_seen(event, unit, deps)
    later = (await http.get("/v1/me/tokens")).json()["items"][0]["last_used_at"]
    assert later == timestamp(clock.now() + timedelta(minutes=5))


class Noting(Revocations):
    """A deny list that notes what it is told."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock)
        self.told: list[str] = []

    def add(self, session_id: str, until: datetime) -> None:
        self.told.append(session_id)
        super().add(session_id, until)


async def test_a_process_of_auth_reads_anew_what_was_revoked_lately_and_now_and_then_the_whole(
    deps: Deps, clock: FixedClock
) -> None:
    asker = asker_of(await signed_in(deps, await registered(deps)))
    old, new = await token_of(deps, asker), await token_of(deps, asker)
    await access_tokens.revoke(old.id, asker, deps)
    clock.advance(minutes=6)
    noting = Noting(clock)
    (look, *_) = access_tokens.watches(replace(deps, revocations=noting))
    await look.run()
    assert noting.told == []
    await access_tokens.revoke(new.id, asker, deps)
    await look.run()
    assert noting.told == [new.id]
    noting.told.clear()
    for _ in range(WHOLE_EVERY):
        await look.run()
    assert old.id in noting.told
