"""What operators do to accounts over HTTP, what is told of it, and what nobody may do to whom."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from coffer_auth.domain.accounts import User
from coffer_auth.handlers import operators, passwords, sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.sessions import Login
from coffer_chassis.etags import Conditions
from coffer_chassis.ids import new_id
from coffer_contracts.problems import AccountSuspended, Forbidden, InvalidCredentials, LastOperator, NotFound, Problem
from factories.accounts import HOME, PASSWORD, auth_deps, auth_over_http, facts, origin, registered
from factories.databases import Database
from factories.mailed import mails_to
from factories.signed_in import SignedIn, again, signed_in

USERS = "/v1/admin/auth/users"
ANY = Conditions()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(deps: Deps, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_over_http(deps, tmp_path_factory.mktemp("home")) as client:
        yield client


async def operator(deps: Deps, username: str = "") -> SignedIn:
    """Somebody who runs the installation."""
    user = await registered(deps, username)
    return await again(deps, await operators.grant_operator(user.username, deps))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def boss(deps: Deps) -> SignedIn:
    return await operator(deps)


async def acts(deps: Deps, user: User) -> list[tuple[str, str | None, dict[str, str]]]:
    """What operators did to an account: action, actor and particulars."""
    async with deps.work.read() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT subject FROM outbox WHERE type = 'auth.operator.acted.v1' ORDER BY position"
        )
        subjects = [row.subject for row in rows]
    told = [fact for subject in subjects for fact in await facts(deps, subject)]
    return [
        (fact["data"]["action"], fact["actorid"], {part["name"]: part["value"] for part in fact["data"]["detail"]})
        for fact in told
        if fact["data"]["target"] == f"user/{user.id}"
    ]


async def test_an_account_made_by_an_operator_is_opened_by_no_password(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn
) -> None:
    body = {"username": "grace", "email": "grace@example.org", "display_name": "Grace Hopper", "quota_bytes": 5_000}
    made = await boss.asks(http, "POST", USERS, json=body)
    assert made.status_code == 201, made.text
    account = made.json()
    assert (account["password_set"], account["quota_bytes"], account["status"]) == (False, 5_000, "active")
    for password in ("!", PASSWORD, ""):
        answer = await http.post("/v1/auth/login", json={"login": "grace", "password": password})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    [fact] = await facts(deps, f"user/{account['id']}")
    assert (fact["type"], fact["actorkind"], fact["data"]["quota_bytes"]) == ("auth.user.registered.v1", "operator", 5_000)
    again_made = await boss.asks(http, "POST", USERS, json=body | {"email": "other@example.org"})
    assert (again_made.status_code, again_made.json()["code"]) == (409, "username_taken")
    one = await boss.asks(http, "GET", f"{USERS}/{account['id']}")
    assert one.json() == account
    assert one.headers["etag"] == made.headers["etag"] == account["etag"]


async def test_an_owner_sets_a_password_by_the_mail_that_an_operator_sets_off(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn
) -> None:
    made = await boss.asks(http, "POST", USERS, json={"username": "katherine", "email": "katherine@example.org"})
    assert made.status_code == 201, made.text
    path = f"{USERS}/{made.json()['id']}"
    for new in ("seven slow herons", "eight late owls fly"):
        [*_, mail] = await mails_to(deps, "katherine@example.org")
        assert (mail.kind, mail.user_id) == ("reset_password", made.json()["id"])
        await passwords.reset_password(mail.secret, new, HOME, origin(), deps)
        assert (await boss.asks(http, "GET", path)).json()["password_set"] is True
        login = {"login": "katherine", "password": new}
        assert (await http.post("/v1/auth/login", json=login)).status_code == 200
        assert (await boss.asks(http, "POST", f"{path}/password/reset")).status_code == 204
        assert (await http.post("/v1/auth/login", json=login)).status_code == 401


async def test_suspending_ends_sessions_at_once_and_activating_lets_in_again(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn
) -> None:
    ada = await signed_in(deps)
    answer = await boss.asks(http, "PATCH", f"{USERS}/{ada.user.id}", json={"status": "suspended"})
    assert (answer.status_code, answer.json()["status"]) == (200, "suspended")
    assert (await ada.asks(http, "GET", "/v1/me")).status_code == 401
    renewed = await http.post("/v1/auth/refresh", json={"refresh_token": ada.pair.refresh_token})
    assert renewed.status_code == 401
    shut = await http.post("/v1/auth/login", json={"login": ada.user.username, "password": PASSWORD})
    assert (shut.status_code, shut.json()["code"]) == (403, "account_suspended")
    told = await facts(deps, f"user/{ada.user.id}")
    assert [fact["type"] for fact in told] == ["auth.user.registered.v1", "auth.user.suspended.v1"]
    assert (told[1]["data"]["status"], told[1]["sequence"], told[1]["actorkind"]) == ("suspended", "000000000002", "operator")
    [_, ended] = await facts(deps, f"session/{ada.pair.session.id}")
    assert (ended["type"], ended["data"]["reason"]) == ("auth.session.revoked.v1", "operator")
    opened = await boss.asks(http, "PATCH", f"{USERS}/{ada.user.id}", json={"status": "active"})
    assert opened.status_code == 200
    assert (await http.post("/v1/auth/login", json={"login": ada.user.username, "password": PASSWORD})).status_code == 200
    assert [(action, actor) for action, actor, _ in await acts(deps, ada.user)] == [
        ("user.suspended", boss.user.id),
        ("user.activated", boss.user.id),
    ]


async def test_the_same_change_twice_is_told_once(http: httpx.AsyncClient, deps: Deps, boss: SignedIn) -> None:
    ada = await signed_in(deps)
    for _ in range(2):
        answer = await boss.asks(http, "PATCH", f"{USERS}/{ada.user.id}", json={"status": "suspended", "quota_bytes": 7})
        assert answer.status_code == 200
    assert len(await facts(deps, f"user/{ada.user.id}")) == 2
    [(action, _, detail)] = await acts(deps, ada.user)
    assert (action, detail["status"], detail["quota_bytes"]) == ("user.suspended", "suspended", "7")


async def test_a_quota_is_told_with_its_revision_and_taken_back_by_null(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn
) -> None:
    user = await registered(deps)
    for quota in (10_000, 0, None):
        answer = await boss.asks(http, "PATCH", f"{USERS}/{user.id}", json={"quota_bytes": quota})
        assert answer.json()["quota_bytes"] == quota
    told = [(fact["sequence"], fact["data"].get("quota_bytes")) for fact in await facts(deps, f"user/{user.id}")]
    assert told == [(f"{n:012d}", quota) for n, quota in enumerate([None, 10_000, 0, None], start=1)]


async def test_a_change_of_what_was_not_seen_is_refused(http: httpx.AsyncClient, deps: Deps, boss: SignedIn) -> None:
    user = await registered(deps)
    seen = (await boss.asks(http, "GET", f"{USERS}/{user.id}")).headers["etag"]
    await boss.asks(http, "PATCH", f"{USERS}/{user.id}", json={"quota_bytes": 1})
    late = await boss.asks(http, "PATCH", f"{USERS}/{user.id}", json={"quota_bytes": 2}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await boss.asks(http, "GET", f"{USERS}/{user.id}", headers={"If-None-Match": seen})).status_code == 200


async def test_who_loses_the_role_signs_in_anew_without_it(http: httpx.AsyncClient, deps: Deps, boss: SignedIn) -> None:
    other = await operator(deps)
    assert (await other.asks(http, "GET", USERS)).status_code == 200
    answer = await boss.asks(http, "PATCH", f"{USERS}/{other.user.id}", json={"role": "user"})
    assert answer.json()["roles"] == []
    assert (await other.asks(http, "GET", USERS)).status_code == 401
    anew = await again(deps, other.user)
    assert (await anew.asks(http, "GET", USERS)).status_code == 403
    promoted = await boss.asks(http, "PATCH", f"{USERS}/{other.user.id}", json={"role": "operator"})
    assert promoted.json()["roles"] == ["operator"]
    actions = [action for action, _, _ in await acts(deps, other.user)]
    assert actions == ["user.role_granted", "user.role_removed", "user.role_granted"]


async def test_sessions_are_ended_and_passwords_shut_on_demand(http: httpx.AsyncClient, deps: Deps, boss: SignedIn) -> None:
    ada = await signed_in(deps)
    for _ in range(2):
        assert (await boss.asks(http, "POST", f"{USERS}/{ada.user.id}/sessions/revoke")).status_code == 204
    assert (await ada.asks(http, "GET", "/v1/me")).status_code == 401
    anew = await again(deps, ada.user)
    assert (await boss.asks(http, "POST", f"{USERS}/{ada.user.id}/password/reset")).status_code == 204
    assert (await anew.asks(http, "GET", "/v1/me")).status_code == 401
    with pytest.raises(InvalidCredentials):
        await again(deps, ada.user)
    assert (await boss.asks(http, "GET", f"{USERS}/{ada.user.id}")).json()["password_set"] is False


async def test_a_deleted_account_is_nobodys_and_frees_its_name(http: httpx.AsyncClient, deps: Deps, boss: SignedIn) -> None:
    ada = await signed_in(deps)
    path = f"{USERS}/{ada.user.id}"
    unsure = await boss.asks(http, "DELETE", path, params={"confirm": "another"})
    assert (unsure.status_code, unsure.json()["code"]) == (409, "state_conflict")
    assert (await boss.asks(http, "DELETE", path, params={"confirm": ada.user.username})).status_code == 204
    assert (await boss.asks(http, "DELETE", path, params={"confirm": ada.user.username})).status_code == 404
    assert (await ada.asks(http, "GET", "/v1/me")).status_code == 401
    with pytest.raises(InvalidCredentials):
        await again(deps, ada.user)
    *_, fact = await facts(deps, f"user/{ada.user.id}")
    assert (fact["type"], fact["data"]["status"]) == ("auth.user.deleted.v1", "deleted")
    assert ada.user.username not in str(fact["data"])
    assert ada.user.email not in str(fact["data"])
    assert (await boss.asks(http, "PATCH", path, json={"status": "active"})).status_code == 404
    assert (await registered(deps, ada.user.username)).id != ada.user.id


@pytest.mark.parametrize("wish", [{"status": "suspended"}, {"role": "user", "status": "suspended"}])
async def test_nobody_suspends_themselves(http: httpx.AsyncClient, deps: Deps, boss: SignedIn, wish: dict[str, str]) -> None:
    answer = await boss.asks(http, "PATCH", f"{USERS}/{boss.user.id}", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    gone = await boss.asks(http, "DELETE", f"{USERS}/{boss.user.id}", params={"confirm": boss.user.username})
    assert gone.status_code == 403
    assert (await boss.asks(http, "GET", "/v1/me")).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"status": "deleted"},
        {"role": "root"},
        {"quota_bytes": -1},
        {"quota_bytes": 2**63},
        {"roles": ["operator"]},
        {"password": "x"},
    ],
)
async def test_refuses_changes_that_are_none(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn, wish: dict[str, object]
) -> None:
    answer = await boss.asks(http, "PATCH", f"{USERS}/{boss.user.id}", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_finds_accounts_by_how_name_or_address_begin_page_by_page(
    http: httpx.AsyncClient, deps: Deps, boss: SignedIn
) -> None:
    for name in ("zoe-1", "zoe-2", "Zoe-3", "zo_e"):
        await registered(deps, name)
    await boss.asks(http, "POST", USERS, json={"username": "elsewhere", "email": "ZOE-9@example.org"})
    found: list[str] = []
    parameters: dict[str, Any] = {"q": "ZOE-", "limit": 2}
    while True:
        page = (await boss.asks(http, "GET", USERS, params=parameters)).json()
        found += [account["username"] for account in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert found == ["elsewhere", "zoe-1", "zoe-2", "Zoe-3"]
    for pattern in ("zo%", "z_e", "zoe-1@"):
        named = (await boss.asks(http, "GET", USERS, params={"q": pattern})).json()["items"]
        assert [account["username"] for account in named] == (["zoe-1"] if pattern == "zoe-1@" else []), pattern
    other = await boss.asks(http, "GET", USERS, params={"q": "other", "cursor": parameters["cursor"]})
    assert (other.status_code, other.json()["code"]) == (400, "cursor_invalid")
    running = (await boss.asks(http, "GET", USERS, params={"role": "operator"})).json()["items"]
    assert boss.user.id in {account["id"] for account in running}
    assert all("operator" in account["roles"] for account in running)


async def test_people_and_strangers_find_no_accounts(http: httpx.AsyncClient, deps: Deps) -> None:
    ada = await signed_in(deps)
    for method, path in (("GET", USERS), ("GET", f"{USERS}/{ada.user.id}"), ("DELETE", f"{USERS}/{ada.user.id}")):
        assert (await ada.asks(http, method, path)).status_code == 403
        assert (await http.request(method, path)).status_code == 401


async def refusal_of(change: Any) -> type[Problem] | None:
    try:
        await change
    except Problem as refused:
        return type(refused)
    return None


async def test_two_operators_who_shut_each_other_out_leave_one(database: Database) -> None:
    async with auth_deps(database("coffer_auth")) as deps:
        one, two = await operator(deps), await operator(deps)
        for wish in ({"status": "suspended"}, {"role": "user"}):
            changes = [
                operators.change_account(deps, actor.principal, actor.origin, target.user.id, wish, ANY)
                for actor, target in ((one, two), (two, one))
            ]
            refusals = await asyncio.gather(*map(refusal_of, changes))
            assert sorted(map(str, refusals)) == sorted(map(str, [None, Forbidden]))
            for user in (one.user, two.user):
                await operators.grant_operator(user.username, deps)
        await operators.revoke_operator(two.user.username, deps)
        last = operators.change_account(deps, one.principal, one.origin, one.user.id, {"role": "user"}, ANY)
        assert await refusal_of(last) is LastOperator


async def test_a_shell_helps_when_nobody_is_left(database: Database) -> None:
    async with auth_deps(database("coffer_auth")) as deps:
        only = await operator(deps)
        async with deps.work.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE users SET status = 'suspended'")
        with pytest.raises(AccountSuspended):
            await again(deps, only.user)
        rescued = await operators.grant_operator(only.user.username, deps)
        assert (rescued.status, rescued.roles) == ("active", ("operator",))
        await again(deps, only.user)
        for _ in range(2):
            assert (await operators.revoke_operator(only.user.username, deps)).roles == ()
        with pytest.raises(NotFound):
            await operators.revoke_operator("nobody-here", deps)
        told = [(action, re.sub("/.*", "", actor or "")) for action, actor, _ in await acts(deps, only.user)]
        assert told == [("user.role_granted", "shell"), ("user.activated", "shell"), ("user.role_removed", "shell")]


async def test_a_sign_in_under_way_gets_no_session_in_an_account_that_is_being_shut(deps: Deps, boss: SignedIn) -> None:
    user = await registered(deps)
    async with deps.work.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT 1 FROM users WHERE id = '{user.id}' FOR UPDATE")  # our own id
        signing_in = asyncio.create_task(sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), deps))
        done, _ = await asyncio.wait({signing_in}, timeout=0.3)
        assert not done, "it waits for whoever holds the account"
        await connection.exec_driver_sql(f"UPDATE users SET status = 'suspended' WHERE id = '{user.id}'")
    with pytest.raises(AccountSuspended):
        await signing_in


GRANTING = ("create", "promote", "mfa")


async def grants(http: httpx.AsyncClient, deps: Deps, how: str, bearer: str) -> httpx.Response:
    """One of the acts that would let whoever stole a token stay, or enter."""
    headers = {"Authorization": f"Bearer {bearer}"}
    if how == "create":
        name = f"user-{new_id()[-12:]}"
        body = {"username": name, "email": f"{name}@example.org", "role": "operator"}
        return await http.post(USERS, json=body, headers=headers)
    path = f"{USERS}/{(await registered(deps)).id}"
    if how == "promote":
        return await http.patch(path, json={"role": "operator"}, headers=headers)
    return await http.post(f"{path}/mfa/reset", headers=headers)


@pytest.mark.parametrize("how", GRANTING)
async def test_no_token_makes_operators_or_takes_a_second_factor(http: httpx.AsyncClient, deps: Deps, how: str) -> None:
    chief = await operator(deps)
    expires_at = (deps.work.clock.now() + timedelta(days=30)).isoformat()
    body = {"name": "a script", "scopes": ["admin:read", "admin:write"], "expires_at": expires_at}
    made = await chief.asks(http, "POST", "/v1/me/tokens", json=body)
    assert made.status_code == 201, made.text
    answer = await grants(http, deps, how, made.json()["token"])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("how", GRANTING)
async def test_who_makes_operators_or_takes_a_second_factor_has_just_proved_who_they_are(
    http: httpx.AsyncClient, deps: Deps, how: str
) -> None:
    chief = await operator(deps)
    async with deps.work.engine.begin() as connection:
        long_ago = "UPDATE sessions SET password_proved_at = password_proved_at - interval '16 minutes' WHERE user_id = :id"
        await connection.execute(text(long_ago), {"id": chief.user.id})
    answer = await grants(http, deps, how, chief.pair.access_token)
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert (await chief.asks(http, "POST", "/v1/auth/step-up", json={"password": PASSWORD})).status_code == 200
    assert (await grants(http, deps, how, chief.pair.access_token)).status_code in {200, 201, 204}
