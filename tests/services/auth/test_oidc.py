"""Signing in by the word of an OIDC issuer: a real one over HTTP, and everything that it or somebody else may get wrong."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError
from sqlalchemy import text

from coffer_auth import issuers
from coffer_auth.domain.oidc import Identity, username_of
from coffer_auth.handlers import oidc, step_up
from coffer_auth.handlers.challenges import Answer
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.mfa_login import login_with_code
from coffer_auth.handlers.oidc import IdToken
from coffer_auth.issuers import BadDocument, Issuers, fetch_document, key_set_address, parse_keys
from coffer_auth.settings import OidcIssuer
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import (
    AccountNotLinked,
    AccountSuspended,
    EmailUnverified,
    FeatureDisabled,
    MfaRequired,
    StepUpRequired,
    TokenExpired,
    Unauthenticated,
    Unavailable,
)
from factories.accounts import HOME, PASSWORD, auth_deps, auth_over_http, by_hand, facts, origin, registered
from factories.factors import asker_of, member, token_of
from factories.oidc import CLIENT, EC, ED, OTHER_RSA, RSA, WEAK_RSA, Realm, public_jwk, realm


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Realm]:
    async with realm() as made:
        yield made


@pytest.fixture
def sso(running: Realm) -> Realm:
    """The issuer as if it had just been started."""
    address = running.url
    running.__init__()  # type: ignore[misc]  # back to what it was, under the same address
    running.url = address
    return running


@pytest.fixture
async def deps(url: str, sso: Realm) -> AsyncIterator[Deps]:
    async with auth_deps(url, oidc_issuers=(sso.settings(),)) as made:
        yield made


@pytest.fixture
async def open_deps(url: str, sso: Realm) -> AsyncIterator[Deps]:
    """An installation where whoever the issuer knows gets an account."""
    every = sso.settings(create_accounts=True, algorithms=("RS256", "ES256", "EdDSA"))
    async with auth_deps(url, oidc_issuers=(every,)) as made:
        yield made


async def shown(deps: Deps, token: str, nonce: str | None = None) -> Any:
    return await oidc.sign_in(IdToken(token, nonce, "a test", HOME), origin(), deps)


async def executed(deps: Deps, statement: str, **values: object) -> None:
    async with deps.work.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def known(deps: Deps, *, verified: bool = True) -> Any:
    """An account, whose address its owner has verified or not."""
    user = await registered(deps)
    if verified:
        await executed(deps, "UPDATE users SET email_verified = true WHERE id = :id", id=user.id)
    return user


async def test_an_issuers_word_stands_for_the_password_and_not_for_the_second_factor(deps: Deps, sso: Realm) -> None:
    ada = await member(deps, deps.work.clock)
    await executed(deps, "UPDATE users SET email_verified = true WHERE id = :id", id=ada.user.id)
    with pytest.raises(MfaRequired) as asked:
        await shown(deps, sso.token(email=ada.user.email))
    answer = Answer(str(asked.value.extensions["mfa_token"]), Shown(recovery_code=ada.recovery_codes[0]), HOME)
    assert (await login_with_code(answer, origin(), deps)).user.id == ada.user.id


@pytest.mark.parametrize("with_factor", [False, True])
async def test_an_issuers_word_is_no_proof_for_changing_security_settings(deps: Deps, sso: Realm, with_factor: bool) -> None:
    ada = await member(deps, deps.work.clock) if with_factor else None
    user = ada.user if ada else await registered(deps)
    await executed(deps, "UPDATE users SET email_verified = true WHERE id = :id", id=user.id)
    if ada is None:
        pair = await shown(deps, sso.token(email=user.email))
    else:
        with pytest.raises(MfaRequired) as asked:
            await shown(deps, sso.token(email=user.email))
        answer = Answer(str(asked.value.extensions["mfa_token"]), Shown(recovery_code=ada.recovery_codes[0]), HOME)
        pair = await login_with_code(answer, origin(), deps)
    asker = asker_of(pair)
    with pytest.raises(StepUpRequired):
        await token_of(deps, asker)
    await step_up.step_up(Shown(password=PASSWORD), asker, deps)
    assert (await token_of(deps, asker)).user_id == user.id


async def test_an_id_token_brings_an_ordinary_session_to_the_account_with_the_verified_address(
    deps: Deps, sso: Realm, tmp_path: Path
) -> None:
    user = await known(deps)
    async with auth_over_http(deps, tmp_path) as http:
        listed = (await http.get("/v1/auth/oidc")).json()
        assert listed == {"items": [{"issuer": sso.url, "client_ids": [CLIENT]}]}
        token = sso.token(email=user.email.upper(), nonce="n-1")
        answer = await http.post("/v1/auth/oidc", json={"id_token": token, "nonce": "n-1", "device_name": "a phone"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        pair = answer.json()
        assert pair["user"]["id"] == user.id
        bearer = {"Authorization": f"Bearer {pair['access_token']}"}
        assert (await http.get("/v1/me", headers=bearer)).json()["username"] == user.username
        renewed = await http.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert renewed.status_code == 200
        assert (await http.post("/v1/auth/logout", headers=bearer)).status_code == 204
    session = await facts(deps, f"session/{pair['session_id']}")
    assert [fact["type"] for fact in session] == ["auth.session.created.v1", "auth.session.revoked.v1"]
    assert (session[0]["actorid"], session[0]["data"]["device_name"]) == (user.id, "a phone")


async def test_the_link_stays_whatever_the_issuer_says_of_the_address_later(deps: Deps, sso: Realm) -> None:
    user, other = await known(deps), await known(deps)
    await shown(deps, sso.token(sub="s-1", email=user.email))
    for later in ({"email": other.email}, {"email": "new@example.org"}, {"email": None}, {"email_verified": False}):
        pair = await shown(deps, sso.token(**({"sub": "s-1", "email": user.email} | later)))
        assert pair.user.id == user.id
        assert pair.user.email == user.email


async def test_a_link_is_told_once_with_who_and_from_where_and_nothing_of_the_token(deps: Deps, sso: Realm) -> None:
    user = await known(deps)
    token = sso.token(sub="told-once", email=user.email)
    for _ in range(2):
        await shown(deps, token)
    async with deps.work.read() as connection:
        query = text("SELECT body FROM outbox WHERE type = 'auth.identity.linked.v1' AND owner_id = :id")
        (body,) = (await connection.execute(query, {"id": user.id})).scalars()
    fact = json.loads(body)
    assert fact["actorid"] == fact["data"]["user_id"] == user.id
    assert (fact["data"]["issuer"], fact["data"]["account_made"]) == (sso.url, False)
    assert (fact["data"]["address"], fact["data"]["agent"]) == (HOME.address, HOME.agent)
    assert not any(word in str(fact) for word in (token, "told-once", user.email))


async def test_two_people_of_an_issuer_may_reach_one_account_and_one_person_never_two(deps: Deps, sso: Realm) -> None:
    user = await known(deps)
    for subject in ("work", "home"):
        assert (await shown(deps, sso.token(sub=subject, email=user.email))).user.id == user.id
    async with deps.work.read() as connection:
        rows = await connection.execute(text("SELECT count(*) FROM oidc_links WHERE user_id = :id"), {"id": user.id})
        assert rows.scalar_one() == 2


async def test_an_account_whose_address_nobody_has_verified_is_never_linked(deps: Deps, sso: Realm) -> None:
    """Whoever registered it may not be the owner of the address, and would share what its owner puts into it."""
    squatted = await known(deps, verified=False)
    with pytest.raises(EmailUnverified):
        await shown(deps, sso.token(sub="owner", email=squatted.email))
    assert await facts(deps, f"session/{squatted.id}") == []
    await executed(deps, "UPDATE users SET email_verified = true WHERE id = :id", id=squatted.id)
    assert (await shown(deps, sso.token(sub="owner", email=squatted.email))).user.id == squatted.id


@pytest.mark.parametrize(
    "said",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email_verified": ["true"]},
        {"email": None},
        {"email": ""},
        {"email": 7},
        {"email": "no address"},
        {"email": "a@b\nc"},
        {"email": "a\x00@example.org"},
    ],
    ids=str,
)
async def test_an_address_that_the_issuer_does_not_vouch_for_opens_nothing(
    open_deps: Deps, sso: Realm, said: dict[str, Any]
) -> None:
    user = await known(open_deps)
    with pytest.raises(EmailUnverified):
        await shown(open_deps, sso.token(**({"email": user.email} | said)))


async def test_who_has_no_account_gets_one_only_where_the_operator_wants_it(deps: Deps, open_deps: Deps, sso: Realm) -> None:
    token = sso.token(sub="newcomer", email="new.comer@example.org", name="New Comer", preferred_username="comer")
    with pytest.raises(AccountNotLinked):
        await shown(deps, token)
    pair = await shown(open_deps, token)
    made = pair.user
    assert (made.username, made.display_name, made.email) == ("comer", "New Comer", "new.comer@example.org")
    assert made.email_verified
    (fact,) = await facts(open_deps, f"user/{made.id}")
    assert (fact["type"], fact["actorid"], fact["data"]["email_verified"]) == ("auth.user.registered.v1", made.id, True)
    assert (await shown(deps, token)).user.id == made.id
    # The name was free for one; the second is told apart by a number.
    second = await shown(open_deps, sso.token(preferred_username="COMER"))
    assert second.user.username.startswith("COMER-")


async def test_an_account_without_a_password_cannot_be_entered_with_any(open_deps: Deps, sso: Realm, tmp_path: Path) -> None:
    made = (await shown(open_deps, sso.token())).user
    async with auth_over_http(open_deps, tmp_path) as http:
        for password in ("", PASSWORD, "None"):
            answer = await http.post("/v1/auth/login", json={"login": made.username, "password": password})
            assert answer.status_code == 401


async def test_many_first_sign_ins_at_once_make_one_account(open_deps: Deps, sso: Realm) -> None:
    token = sso.token(preferred_username="crowd")
    pairs = await asyncio.gather(*(shown(open_deps, token) for _ in range(6)))
    assert len({pair.user.id for pair in pairs}) == 1
    assert len({pair.session.id for pair in pairs}) == 6
    assert len(await facts(open_deps, f"user/{pairs[0].user.id}")) == 1


async def test_a_suspended_or_deleted_account_is_not_entered_by_any_word(deps: Deps, sso: Realm) -> None:
    linked, fresh = await known(deps), await known(deps)
    await shown(deps, sso.token(sub="linked", email=linked.email))
    for user in (linked, fresh):
        await executed(deps, "UPDATE users SET status = 'suspended' WHERE id = :id", id=user.id)
    for subject, user in (("linked", linked), ("fresh", fresh)):
        with pytest.raises(AccountSuspended):
            await shown(deps, sso.token(sub=subject, email=user.email))
    await executed(deps, "UPDATE users SET status = 'deleted', email_key = id::text WHERE id = :id", id=linked.id)
    with pytest.raises(AccountNotLinked):
        await shown(deps, sso.token(sub="linked", email=linked.email))
    # Whoever closed an account may come back with another one.
    later = await known(deps)
    for _ in range(2):
        assert (await shown(deps, sso.token(sub="linked", email=later.email))).user.id == later.id


def _hmac(sso: Realm, secret: bytes) -> str:
    unsigned = by_hand({"alg": "HS256", "kid": "r1"}, sso.claims()).rstrip(".")
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _pem() -> bytes:
    return RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


FORGERIES: dict[str, Callable[[Realm], str]] = {
    "junk": lambda sso: "junk",
    "empty": lambda sso: "",
    "too long": lambda sso: "a" * 20_000,
    "algorithm none": lambda sso: by_hand({"alg": "none", "kid": "r1"}, sso.claims()),
    "no signature": lambda sso: by_hand({"alg": "RS256", "kid": "r1"}, sso.claims()),
    "HS256 by the public key": lambda sso: _hmac(sso, _pem()),
    "HS256 by an empty secret": lambda sso: _hmac(sso, b""),
    "another key": lambda sso: sso.token(key=OTHER_RSA),
    "another key with its own in the header": lambda sso: sso.token(key=OTHER_RSA, headers={"jwk": public_jwk(OTHER_RSA)}),
    "an unknown key": lambda sso: sso.token(key=OTHER_RSA, headers={"kid": "unknown"}),
    "no key id": lambda sso: by_hand({"alg": "RS256"}, sso.claims()),
    "an algorithm that is not allowed": lambda sso: sso.token(key=EC, algorithm="ES256"),
    "RS512": lambda sso: sso.token(algorithm="RS512"),
    "another issuer": lambda sso: sso.token(iss="https://evil.example.org"),
    "the issuer with a slash": lambda sso: sso.token(iss=sso.url + "/"),
    "an issuer that is no text": lambda sso: by_hand({"alg": "RS256", "kid": "r1"}, sso.claims(iss=7)),
    "another client": lambda sso: sso.token(aud="another-app"),
    "no audience": lambda sso: sso.token(aud=None),
    "issued to another client": lambda sso: sso.token(azp="another-app"),
    "two audiences, issued to nobody": lambda sso: sso.token(aud=[CLIENT, "another-app"]),
    "an access token of Cognito": lambda sso: sso.token(token_use="access"),
    "an access token of Keycloak": lambda sso: sso.token(typ="Bearer"),
    "from the future": lambda sso: sso.token(iat=_now() + 3600),
    "not yet": lambda sso: sso.token(nbf=_now() + 3600),
    "no expiry": lambda sso: sso.token(exp=None),
    "no time of making": lambda sso: sso.token(iat=None),
    "nobody": lambda sso: sso.token(sub=None),
    "an empty subject": lambda sso: sso.token(sub=""),
    "a subject that cannot be stored": lambda sso: sso.token(sub="a\x00b"),
    "half a character": lambda sso: by_hand({"alg": "RS256", "kid": "r1"}, sso.claims(sub="\ud800")),
    "an endless subject": lambda sso: sso.token(sub="s" * 256),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_no_other_token_is_the_issuers_word(deps: Deps, sso: Realm, forgery: str) -> None:
    with pytest.raises(Unauthenticated):
        await shown(deps, FORGERIES[forgery](sso))


@pytest.mark.parametrize("said", [{"exp": 0}, {"exp": 1}, {"iat": 1}], ids=str)
async def test_a_token_that_is_too_old_says_so(deps: Deps, sso: Realm, said: dict[str, Any]) -> None:
    with pytest.raises(TokenExpired):
        await shown(deps, sso.token(**said))


async def test_a_nonce_that_the_client_sent_must_be_in_the_token(deps: Deps, sso: Realm) -> None:
    user = await known(deps)
    for nonce in ("other", None):
        with pytest.raises(Unauthenticated):
            await shown(deps, sso.token(email=user.email, nonce=nonce), nonce="mine")
    assert (await shown(deps, sso.token(email=user.email, nonce="mine"), nonce="mine")).user.id == user.id


async def test_a_token_for_several_audiences_counts_when_it_was_issued_to_this_client(deps: Deps, sso: Realm) -> None:
    user = await known(deps)
    token = sso.token(email=user.email, aud=[CLIENT, "another-app"], azp=CLIENT)
    assert (await shown(deps, token)).user.id == user.id


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (ED, "EdDSA")], ids=["ES256", "EdDSA"])
async def test_other_algorithms_count_where_the_operator_allows_them(
    open_deps: Deps, sso: Realm, key: Any, algorithm: str
) -> None:
    sso.keys.append(public_jwk(key, kid="second", alg=algorithm))
    assert (await shown(open_deps, sso.token(key=key, algorithm=algorithm, headers={"kid": "second"}))).user.email_verified


async def test_a_key_of_one_algorithm_signs_for_no_other(open_deps: Deps, sso: Realm) -> None:
    sso.keys.append(public_jwk(EC, kid="r2", alg="ES256"))
    for token in (
        by_hand({"alg": "EdDSA", "kid": "r1"}, sso.claims(), ED),
        by_hand({"alg": "RS256", "kid": "r2"}, sso.claims(), ED),
        sso.token(key=EC, algorithm="ES256", headers={"kid": "r1"}),
        sso.token(headers={"kid": "r2"}),
    ):
        with pytest.raises(Unauthenticated):
            await shown(open_deps, token)


async def test_the_issuers_keys_may_rotate_and_its_old_ones_are_forgotten(url: str, sso: Realm) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with auth_deps(url, clock=clock, oidc_issuers=(sso.settings(create_accounts=True),)) as deps:
        await shown(deps, sso.token())
        await shown(deps, sso.token())
        assert sso.asked == ["/.well-known/openid-configuration", "/keys"]
        sso.keys = [public_jwk(OTHER_RSA, kid="r2", alg="RS256")]
        with pytest.raises(Unauthenticated):
            await shown(deps, sso.token(key=OTHER_RSA, headers={"kid": "r2"}))
        clock.advance(seconds=10)
        await shown(deps, sso.token(key=OTHER_RSA, headers={"kid": "r2"}))
        with pytest.raises(Unauthenticated):
            await shown(deps, sso.token())
        assert len(sso.asked) == 4


async def test_an_issuer_that_is_away_refuses_nobody_for_good_and_passwords_work_on(
    url: str, sso: Realm, tmp_path: Path
) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with auth_deps(url, clock=clock, oidc_issuers=(sso.settings(),)) as deps, auth_over_http(deps, tmp_path) as http:
        user = await known(deps)
        sso.status = 500
        for _ in range(3):
            answer = await http.post("/v1/auth/oidc", json={"id_token": sso.token(email=user.email)})
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "10"
        assert len(sso.asked) == 1
        login = await http.post("/v1/auth/login", json={"login": user.username, "password": PASSWORD})
        assert login.status_code == 200


async def test_known_keys_outlive_a_short_absence_and_not_a_long_one(url: str, sso: Realm) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with auth_deps(url, clock=clock, oidc_issuers=(sso.settings(create_accounts=True),)) as deps:
        await shown(deps, sso.token())
        sso.status = 503
        clock.advance(minutes=4)
        await shown(deps, sso.token(exp=_now() + 3600))
        clock.advance(minutes=2)
        with pytest.raises(Unavailable):
            await shown(deps, sso.token(exp=_now() + 3600))
        sso.status = 200
        clock.advance(seconds=10)
        await shown(deps, sso.token(exp=_now() + 3600))


async def test_an_issuer_that_hangs_is_asked_once_by_all(deps: Deps, sso: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "FETCH_SECONDS", 2)
    sso.hanging = asyncio.Event()
    answers = await asyncio.gather(*(shown(deps, sso.token()) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    assert len(sso.asked) == 1
    sso.hanging.set()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example.org"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": "https://127.0.0.1:1/keys"},
        {"jwks_uri": "https://[::1]/keys"},
        {"jwks_uri": "https://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "https://localhost:1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "//127.0.0.1/keys"},
    ],
    ids=str,
)
async def test_a_discovery_document_leads_neither_elsewhere_nor_inside(deps: Deps, sso: Realm, changes: dict[str, Any]) -> None:
    sso.discovery = changes
    with pytest.raises(Unavailable):
        await shown(deps, sso.token())
    assert sso.asked == ["/.well-known/openid-configuration"]


async def test_no_redirect_no_flood_and_no_empty_answer_is_a_document(sso: Realm) -> None:
    sso.status = 302
    with pytest.raises(BadDocument, match="status"):
        await fetch_document(f"{sso.url}/.well-known/openid-configuration", True)
    sso.status = 200
    sso.discovery = {"padding": "x" * 300_000}
    with pytest.raises(BadDocument, match="large"):
        await fetch_document(f"{sso.url}/.well-known/openid-configuration", True)
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await fetch_document(f"{sso.url}/nothing", True)
    with pytest.raises(BadDocument, match="private"):
        await fetch_document(f"{sso.url}/keys", False)
    with pytest.raises(aiohttp.ClientConnectorError, match="private"):
        await fetch_document(f"{sso.url.replace('127.0.0.1', 'localhost')}/keys", False)
    assert not [path for path in sso.asked if path == "/keys"]


async def test_the_operators_own_address_of_the_keys_is_taken_instead_of_discovery(url: str, sso: Realm) -> None:
    given = sso.settings(create_accounts=True, jwks_url=f"{sso.url}/keys")
    async with auth_deps(url, oidc_issuers=(given,)) as deps:
        await shown(deps, sso.token())
    assert sso.asked == ["/keys"]


def test_weak_strange_and_broken_keys_are_passed_over() -> None:
    good = public_jwk(RSA, kid="good")
    others: list[Any] = [
        public_jwk(WEAK_RSA, kid="weak"),
        public_jwk(RSA, kid="enc", use="enc"),
        public_jwk(RSA, kid="other", alg="RS512"),
        public_jwk(EC, kid="curve"),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        "junk",
        None,
    ]
    assert set(parse_keys(_json({"keys": [*others, good]}), ("RS256",))) == {("good", "RS256")}
    for document in (_json({"keys": others}), b"", b"[]", b"{}", b'{"keys": 7}', b"[" * 5000):
        with pytest.raises(BadDocument):
            parse_keys(document, ("RS256",))
    with pytest.raises(BadDocument):
        key_set_address(b"[" * 5000, "https://sso.example.org")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


async def test_without_a_configured_issuer_there_is_nothing_to_ask(url: str) -> None:
    async with auth_deps(url) as plain:
        with pytest.raises(FeatureDisabled):
            await shown(plain, "a.b.c")


@pytest.mark.parametrize(
    "bent",
    [
        {"issuer": "ftp://sso.example.org"},
        {"issuer": "https://sso.example.org/?a=b"},
        {"audience": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"create_accounts": "yes"},
        {"secret": "s"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant_stops_the_start(bent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OidcIssuer(**({"issuer": "https://sso.example.org", "audience": ["a"]} | bent))


@pytest.mark.parametrize(
    ("preferred", "email", "name"),
    [
        ("maria", "x@example.org", "maria"),
        ("maria@example.org", "x@example.org", "maria-example.org"),
        (None, "maria.k@example.org", "maria.k"),
        ("..", "a@example.org", "person"),
        ("jörg\u200bæ", "x@example.org", "jörg-æ"),
        ("x" * 90, "x@example.org", "x" * 48),
    ],
)
def test_a_user_name_is_made_of_what_the_issuer_says(preferred: str | None, email: str, name: str) -> None:
    assert username_of(Identity("i", "s", email, True, preferred, None), email) == name


async def test_issuers_are_asked_for_tokens_of_theirs_only(sso: Realm) -> None:
    known_issuers = Issuers((sso.settings(),), FixedClock(datetime.now(UTC)))
    for token in ("junk", by_hand({"alg": "RS256", "kid": "r1"}, {"iss": "https://evil.example.org"})):
        with pytest.raises(Unauthenticated):
            await known_issuers.identify(token, None)
    assert sso.asked == []
