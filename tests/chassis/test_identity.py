"""Tokens of every kind of honesty against the verifier, and key sets that come, go and fail to arrive."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coffer_chassis import identity, keysets
from coffer_chassis.identity import PAT_PREFIX, Revocations, Verifier
from coffer_chassis.keysets import BadKeySet, fetch_key_set, parse_key_set
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import TokenExpired, Unauthenticated, Unavailable
from factories.accounts import Issuer, by_hand, serving


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def verifier_of(*issuers: Issuer, clock: FixedClock, cache: Path, **options: Any) -> Verifier:
    async def fetch(url: str) -> bytes:
        (asked,) = [issuer for issuer in issuers if issuer.trusted.jwks_url == url]
        return await asked.fetch(url)

    return Verifier(tuple(issuer.trusted for issuer in issuers), cache, clock, fetch=fetch, **options)


@pytest.fixture
def verifier(issuer: Issuer, clock: FixedClock, tmp_path: Path) -> Verifier:
    return verifier_of(issuer, clock=clock, cache=tmp_path)


async def test_an_access_token_stands_for_a_person(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    token = issuer.token(clock.now(), user_id="u1", sid="s1", scopes=["files:read"], roles=["operator"])
    principal = await verifier.verify(token)
    assert (principal.kind, principal.user_id, principal.session_id) == ("user", "u1", "s1")
    assert principal.scopes == {"files:read"}
    assert principal.roles == {"operator"}
    assert principal.username == "maria"
    assert principal.grantee == "user/u1"
    assert (principal.expires_at - clock.now()).total_seconds() == 600


async def test_a_personal_access_token_is_known_by_its_prefix_and_its_kind(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    token = issuer.token(clock.now(), kind="pat", jti="t1", sid=None, username=None)
    principal = await verifier.verify(PAT_PREFIX + token)
    assert (principal.kind, principal.session_id) == ("token", "t1")
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
    with pytest.raises(Unauthenticated):
        await verifier.verify(PAT_PREFIX + issuer.token(clock.now()))


def _bent_name(bent: dict[str, Any]) -> str:
    """The same in every process: keys and other objects show by their type."""
    return "-".join(f"{name}={value if isinstance(value, str | int) else type(value).__name__}" for name, value in bent.items())


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": "someone-else"},
        {"iss": None},
        {"iss": 7},
        {"aud": "another-product"},
        {"aud": None},
        {"kind": "link"},
        {"kind": "ticket"},
        {"kind": "admin"},
        {"kind": ["access"]},
        {"kind": None},
        {"sub": None},
        {"sub": ""},
        {"sid": None},
        {"sid": 7},
        {"jti": None},
        {"exp": None},
        {"exp": "4000000000"},
        {"exp": True},
        {"exp": 2**60},
        {"exp": -1},
        {"exp": 1.5e12},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"nbf": "soon"},
        {"scopes": "files:read admin:write"},
        {"scopes": [1]},
        {"scopes": {"files:read": True}},
        {"roles": "operator"},
        {"username": 7},
        {"headers": {"kid": None}},
        {"headers": {"kid": "another"}},
        {"headers": {"kid": "../first"}},
        {"headers": {"crit": ["b64"], "b64": False}},
        {"key": Ed25519PrivateKey.generate()},
    ],
    ids=_bent_name,
)
async def test_a_bent_token_is_refused(verifier: Verifier, issuer: Issuer, clock: FixedClock, bent: dict[str, Any]) -> None:
    claims = jwt.decode(issuer.token(clock.now()), options={"verify_signature": False})
    claims |= {name: value for name, value in bent.items() if name not in {"headers", "key"} and value is not None}
    for name in [name for name, value in bent.items() if value is None]:
        del claims[name]
    header = {"alg": "EdDSA", "kid": issuer.key_id} | bent.get("headers", {})
    with pytest.raises(Unauthenticated):
        await verifier.verify(by_hand(header, claims, bent.get("key", issuer.key)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "HS256", "ES256", "eddsa", ["EdDSA"]])
async def test_no_other_algorithm_is_taken_for_a_signature(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, algorithm: Any
) -> None:
    claims = jwt.decode(issuer.token(clock.now()), options={"verify_signature": False})
    for key in (None, issuer.key):
        with pytest.raises(Unauthenticated):
            await verifier.verify(by_hand({"alg": algorithm, "kid": issuer.key_id}, claims, key))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(Ed448PrivateKey.generate(), "EdDSA"), (generate_ec_key(SECP256R1()), "ES256"), ("first" * 10, "HS256")],
    ids=["Ed448", "ES256", "HS256"],
)
async def test_no_other_kind_of_key_is_believed(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, key: Any, algorithm: str
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token(clock.now(), key=key, algorithm=algorithm))


async def test_the_public_key_is_no_secret_to_sign_with(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    public = issuer.key.public_key().public_bytes_raw()
    token = issuer.token(clock.now(), key=public, algorithm="HS256")
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize(
    "junk", ["", ".", "..", "a.b.c", "cof_pat_", "e30.e30.", "\x00", "ü.ü.ü", "\ud800", "x" * 10_000, "A" * 3000 + "." * 3000]
)
async def test_junk_is_refused_without_asking_anybody(verifier: Verifier, issuer: Issuer, junk: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(junk)
    assert issuer.fetches == 0


async def test_a_changed_claim_breaks_the_signature(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    header, _, signature = issuer.token(clock.now()).split(".")
    _, claims, _ = issuer.token(clock.now(), scopes=["admin:write"]).split(".")
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{header}.{claims}.{signature}")


async def test_a_token_ends_when_it_says_also_after_it_was_remembered(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    token = issuer.token(clock.now())
    await verifier.verify(token)
    clock.advance(seconds=604)
    await verifier.verify(token)
    clock.advance(seconds=1)
    for _ in range(2):
        with pytest.raises(TokenExpired):
            await verifier.verify(token)


async def test_a_clock_that_is_a_little_behind_does_not_refuse(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    ahead = issuer.token(clock.now())
    clock.advance(seconds=-4)
    await verifier.verify(ahead)
    clock.advance(seconds=-3)
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token(clock.now(), iat=int(clock.now().timestamp()) + 10))


async def test_an_issuer_may_only_sign_its_kinds(clock: FixedClock, tmp_path: Path) -> None:
    sharing = Issuer("coffer-sharing", kinds=("link", "ticket"))
    auth = Issuer()
    verifier = verifier_of(auth, sharing, clock=clock, cache=tmp_path)
    await verifier.verify(auth.token(clock.now()))
    for token in (
        sharing.token(clock.now()),
        sharing.token(clock.now(), iss="coffer-auth"),
        sharing.token(clock.now(), kind="link"),
    ):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_sessions_of_a_link_end_one_by_one_or_as_a_family(clock: FixedClock, tmp_path: Path) -> None:
    sharing = Issuer("coffer-sharing", kinds=("link", "ticket"))
    verifier = verifier_of(sharing, clock=clock, cache=tmp_path)

    def visitor(session: str, **claims: Any) -> str:
        named = {"jti": session, "sid": session, "fam": "f1", "username": None}
        return sharing.token(clock.now(), kind="link", sub="link/1", **{**named, **claims})

    first, second, others = visitor("s1"), visitor("s2"), visitor("s3", fam="f2")
    principal = await verifier.verify(first)
    assert (principal.grantee, principal.session_id, principal.family_id) == ("link/1", "s1", "f1")
    assert (await verifier.verify(visitor("s4", fam=None))).family_id is None
    verifier.revocations.add("s1", clock.now() + timedelta(minutes=15))
    with pytest.raises(Unauthenticated):
        await verifier.verify(first)
    await verifier.verify(second)
    verifier.revocations.add("f1", clock.now() + timedelta(minutes=15))
    with pytest.raises(Unauthenticated):
        await verifier.verify(second)
    await verifier.verify(others)
    for wrong in (7, "", ["f1"]):
        with pytest.raises(Unauthenticated):
            await verifier.verify(visitor("s5", fam=wrong))


async def test_only_visitors_belong_to_a_family(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    assert (await verifier.verify(issuer.token(clock.now(), fam="f1"))).family_id is None


def test_an_issuer_cannot_be_trusted_twice(clock: FixedClock, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        verifier_of(Issuer(), Issuer(), clock=clock, cache=tmp_path)


async def test_many_callers_at_once_cause_one_fetch(verifier: Verifier, issuer: Issuer, clock: FixedClock) -> None:
    tokens = [issuer.token(clock.now()) for _ in range(20)]
    principals = await asyncio.gather(*map(verifier.verify, tokens))
    assert len(principals) == 20
    assert issuer.fetches == 1


async def test_while_no_key_set_was_ever_loaded_the_answer_is_not_yet(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    issuer.reachable = False
    token = issuer.token(clock.now())
    for _ in range(5):
        with pytest.raises(Unavailable):
            await verifier.verify(token)
    assert issuer.fetches == 1
    issuer.reachable = True
    clock.advance(seconds=1)
    await verifier.verify(token)


async def test_an_unknown_key_id_asks_again_at_most_every_ten_seconds(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    await verifier.verify(issuer.token(clock.now()))
    for _ in range(9):
        clock.advance(seconds=1)
        with pytest.raises(Unauthenticated):
            await verifier.verify(issuer.token(clock.now(), headers={"kid": "forged"}))
    assert issuer.fetches == 1
    issuer.key, issuer.key_id = Ed25519PrivateKey.generate(), "second"
    clock.advance(seconds=1)
    await verifier.verify(issuer.token(clock.now()))
    assert issuer.fetches == 2


async def test_an_unreachable_issuer_does_not_take_known_keys_away(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    await verifier.verify(issuer.token(clock.now()))
    issuer.reachable = False
    clock.advance(hours=1)
    await verifier.verify(issuer.token(clock.now()))
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token(clock.now(), headers={"kid": "forged"}))


@pytest.mark.parametrize("seen_before", [True, False])
async def test_a_withdrawn_key_has_lost_its_force_after_a_minute(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, seen_before: bool
) -> None:
    old_key, old_id = issuer.key, issuer.key_id
    stolen = issuer.token(clock.now())
    await verifier.verify(stolen if seen_before else issuer.token(clock.now()))
    issuer.key, issuer.key_id = Ed25519PrivateKey.generate(), "second"
    clock.advance(seconds=60)
    with pytest.raises(Unauthenticated):
        await verifier.verify(stolen)
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token(clock.now(), key=old_key, headers={"kid": old_id}))
    await verifier.verify(issuer.token(clock.now()))
    assert issuer.fetches == 2


async def test_a_key_that_is_replaced_under_its_id_takes_the_tokens_of_the_old_one_along(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    old = issuer.token(clock.now())
    await verifier.verify(old)
    issuer.key = Ed25519PrivateKey.generate()
    clock.advance(seconds=60)
    with pytest.raises(Unauthenticated):
        await verifier.verify(old)
    await verifier.verify(issuer.token(clock.now()))


async def test_keys_are_looked_at_again_in_the_background_and_known_tokens_go_on(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    token = issuer.token(clock.now())
    for _ in range(4):
        await verifier.verify(token)
        _, keys = verifier._issuers[issuer.name]
        if keys._refreshing:
            await keys._refreshing
        clock.advance(seconds=31)
    assert issuer.fetches == 4
    assert [len(verifier._known), (await verifier.verify(token)).username] == [1, "maria"]


async def test_an_issuer_that_hangs_is_waited_for_once(
    issuer: Issuer, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "PATIENCE_SECONDS", 0.02)
    hanging = asyncio.Event()

    async def fetch(url: str) -> bytes:
        if issuer.fetches:
            issuer.fetches += 1
            await hanging.wait()
        return await issuer.fetch(url)

    verifier = Verifier((issuer.trusted,), tmp_path, clock, fetch=fetch)
    token = issuer.token(clock.now())
    await verifier.verify(token)
    clock.advance(minutes=2)
    await verifier.verify(token)
    monkeypatch.setattr(keysets, "PATIENCE_SECONDS", 3600)
    async with asyncio.timeout(60):
        await asyncio.gather(*(verifier.verify(token) for _ in range(10)))
    assert issuer.fetches == 2
    hanging.set()


async def test_keys_from_disk_are_not_believed_before_the_issuer_was_asked(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, tmp_path: Path
) -> None:
    old = issuer.token(clock.now())
    await verifier.verify(old)
    issuer.key, issuer.key_id = Ed25519PrivateKey.generate(), "second"
    restarted = verifier_of(issuer, clock=clock, cache=tmp_path)
    with pytest.raises(Unauthenticated):
        await restarted.verify(old)


async def test_a_restart_finds_the_keys_on_disk_when_the_issuer_is_away(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, tmp_path: Path
) -> None:
    await verifier.verify(issuer.token(clock.now()))
    issuer.reachable = False
    restarted = verifier_of(issuer, clock=clock, cache=tmp_path)
    await restarted.verify(issuer.token(clock.now()))


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"keys": []}', b"[]", b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x"}]}']
)
async def test_a_damaged_file_on_disk_is_as_good_as_none(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, tmp_path: Path, damage: bytes
) -> None:
    await verifier.verify(issuer.token(clock.now()))
    (kept,) = tmp_path.glob("*.json")  # noqa: ASYNC240  # a handful of bytes on a test's own disk
    kept.write_bytes(damage)
    restarted = verifier_of(issuer, clock=clock, cache=tmp_path)
    await restarted.verify(issuer.token(clock.now()))
    assert issuer.fetches == 2
    assert parse_key_set(kept.read_bytes())


async def test_a_folder_that_cannot_be_written_is_no_obstacle(issuer: Issuer, clock: FixedClock, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    verifier = verifier_of(issuer, clock=clock, cache=tmp_path / "file" / "below")
    await verifier.verify(issuer.token(clock.now()))


async def test_a_revoked_session_is_refused_at_once_and_others_go_on(
    verifier: Verifier, issuer: Issuer, clock: FixedClock
) -> None:
    token, other = issuer.token(clock.now(), sid="s1"), issuer.token(clock.now(), sid="s2")
    await verifier.verify(token)
    verifier.revocations.add("s1", clock.now())
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)
    await verifier.verify(other)


async def test_a_given_deny_list_is_used_even_while_it_is_empty(issuer: Issuer, clock: FixedClock, tmp_path: Path) -> None:
    shared = Revocations(clock)
    verifier = verifier_of(issuer, clock=clock, cache=tmp_path, revocations=shared)
    assert verifier.revocations is shared


def test_the_deny_list_forgets_what_has_expired_anyway(clock: FixedClock) -> None:
    denied = Revocations(clock)
    for number in range(100):
        denied.add(f"s{number}", clock.now())
    clock.advance(minutes=2)
    denied.add("last", clock.now())
    assert len(denied) == 1
    assert "last" in denied


async def test_no_more_tokens_are_remembered_than_allowed(
    verifier: Verifier, issuer: Issuer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "REMEMBERED", 3)
    tokens = [issuer.token(clock.now()) for _ in range(6)]
    for token in tokens:
        await verifier.verify(token)
    assert len(verifier._known) == 3
    await verifier.verify(tokens[0])


def _publishing(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def with_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await app(scope, receive, send)

    return with_lifespan


async def test_reads_a_key_set_over_the_network(issuer: Issuer, clock: FixedClock, tmp_path: Path) -> None:
    document = json.dumps(issuer.key_set()).encode()
    async with serving(_publishing(200, [], document)) as address:
        trusted = issuer.trusted.model_copy(update={"jwks_url": f"{address}/jwks.json"})
        verifier = Verifier((trusted,), tmp_path, clock)
        assert (await verifier.verify(issuer.token(clock.now()))).username == "maria"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, [(b"location", b"http://169.254.169.254/")], b""),
        (204, [], b""),
        (500, [], b"oh no"),
        (200, [], b" " * 70_000),
    ],
)
async def test_does_not_take_redirects_failures_or_floods_for_a_key_set(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, clock: FixedClock, tmp_path: Path, issuer: Issuer
) -> None:
    async with serving(_publishing(status, headers, body)) as address:
        trusted = issuer.trusted.model_copy(update={"jwks_url": address})
        with pytest.raises(Unavailable):
            await Verifier((trusted,), tmp_path, clock).verify(issuer.token(clock.now()))
        with pytest.raises(Exception, match=r".*"):
            await fetch_key_set(address)


def test_keys_of_other_kinds_are_passed_over() -> None:
    good = Issuer().key_set()["keys"][0]
    others = [{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}, {**good, "kid": "enc", "use": "enc"}]
    assert set(parse_key_set(json.dumps({"keys": [*others, good]}).encode())) == {"first"}
    with pytest.raises(BadKeySet):
        parse_key_set(json.dumps({"keys": others}).encode())
