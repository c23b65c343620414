"""The Lambda authorizer as API Gateway asks it: what is allowed, what is denied, and what is nobody's to decide."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import build_authorizer
import coffer_authorizer
from coffer_authorizer import NoAuthorizerEvent, authorize, fetch
from coffer_chassis.clock import Clock, SystemClock
from coffer_chassis.identity import PAT_PREFIX, Verifier
from coffer_chassis.keysets import BadKeySet
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import Unavailable
from factories.accounts import Issuer, by_hand, serving

ARN = "arn:aws:execute-api:eu-central-1:123456789012:ab12cd34/prod"


def now() -> datetime:
    """Asked anew for each token: the tests of a whole run take longer than a token lives."""
    return datetime.now(UTC)


class Published:
    """An issuer's key set under a real address."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.status = 200
        self.asked = 0
        self.padding = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        self.asked += 1
        body = json.dumps(self.issuer.key_set() | {"padding": self.padding}).encode()
        headers = [(b"location", b"/elsewhere")] if self.status == 302 else []
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[tuple[Published, str]]:
    published = Published(Issuer())
    async with serving(published) as address:
        yield published, address


@pytest.fixture
def published(running: tuple[Published, str]) -> Published:
    running[0].__init__(Issuer())  # type: ignore[misc]  # as if it had just been started, under the same address
    return running[0]


@pytest.fixture
def judge(published: Published, running: tuple[Published, str], tmp_path: Path) -> Verifier:
    return judge_by(SystemClock(), published, running[1], tmp_path)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(now())


@pytest.fixture
def timeless(published: Published, running: tuple[Published, str], tmp_path: Path, clock: FixedClock) -> Verifier:
    """A judge for whom no time passes, so that nothing it has read gets old."""
    return judge_by(clock, published, running[1], tmp_path)


def judge_by(clock: Clock, published: Published, address: str, folder: Path) -> Verifier:
    trusted = published.issuer.trusted.model_copy(update={"jwks_url": f"{address}/jwks.json"})
    return Verifier((trusted,), folder, clock, fetch=fetch)


def rest_token(authorization: str | None) -> dict[str, Any]:
    """A REST API with a TOKEN authorizer."""
    return {"type": "TOKEN", "authorizationToken": authorization, "methodArn": f"{ARN}/GET/items/1/content"}


def rest_request(authorization: str | None) -> dict[str, Any]:
    """A REST API with a REQUEST authorizer, or an HTTP API with payload format 1.0."""
    headers = {"Host": "x", **({"Authorization": authorization} if authorization is not None else {})}
    several = {name: [value] for name, value in headers.items()}
    return {
        "type": "REQUEST",
        "version": "1.0",
        "methodArn": f"{ARN}/POST/items",
        "headers": headers,
        "multiValueHeaders": several,
        "path": "/items",
        "httpMethod": "POST",
    }


def http_api(authorization: str | None) -> dict[str, Any]:
    """An HTTP API with payload format 2.0 and simple answers."""
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{ARN}/GET/items",
        "identitySource": [authorization],
        "headers": {"host": "x", **({"authorization": authorization} if authorization is not None else {})},
        "rawPath": "/items",
    }


EVENTS = [rest_token, rest_request, http_api]
Ask = Any


def verdict(answer: dict[str, Any]) -> bool:
    """Whether the answer lets the request pass; it must be one of the two shapes, to the letter."""
    if set(answer) == {"isAuthorized", "context"}:
        return bool(answer["isAuthorized"])
    assert set(answer) == {"principalId", "policyDocument", "context"}
    (statement,) = answer["policyDocument"]["Statement"]
    assert answer["policyDocument"]["Version"] == "2012-10-17"
    assert set(statement) == {"Action", "Effect", "Resource"}
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == f"{ARN}/*"
    return {"Allow": True, "Deny": False}[statement["Effect"]]


@pytest.mark.parametrize("event", EVENTS)
async def test_a_token_of_coffer_is_allowed_and_the_integration_is_told_whose_it_is(
    published: Published, judge: Verifier, event: Ask
) -> None:
    token = published.issuer.token(now(), user_id="u-1", sid="s-1", scopes=["files:write", "files:read"])
    answer = await authorize(event(f"Bearer {token}"), judge)
    assert verdict(answer)
    told = {"userId": "u-1", "sessionId": "s-1", "scopes": "files:read files:write", "kind": "user"}
    assert answer["context"] == told
    assert answer.get("principalId", "u-1") == "u-1"
    personal = PAT_PREFIX + published.issuer.token(now(), kind="pat", sid=None)
    assert (await authorize(event(f"bearer {personal}"), judge))["context"]["kind"] == "token"


DENIED: dict[str, Callable[[Issuer], str | None]] = {
    "no token": lambda issuer: None,
    "an empty one": lambda issuer: "",
    "another scheme": lambda issuer: "Basic YTpi",
    "junk": lambda issuer: "Bearer junk",
    "no scheme": lambda issuer: issuer.token(now()),
    "not latin": lambda issuer: "Bearer ☃\ud800",
    "algorithm none": lambda issuer: "Bearer " + by_hand({"alg": "none", "kid": issuer.key_id}, {"iss": issuer.name}),
    "another key": lambda issuer: "Bearer " + issuer.token(now(), key=Ed25519PrivateKey.generate()),
    "another audience": lambda issuer: "Bearer " + issuer.token(now(), aud="another-product"),
    "another issuer": lambda issuer: "Bearer " + issuer.token(now(), iss="evil"),
    "a link session": lambda issuer: "Bearer " + issuer.token(now(), kind="link"),
    "an expired one": lambda issuer: "Bearer " + issuer.token(now() - timedelta(minutes=11)),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("shown", DENIED)
async def test_everything_else_is_denied(published: Published, judge: Verifier, event: Ask, shown: str) -> None:
    answer = await authorize(event(DENIED[shown](published.issuer)), judge)
    assert not verdict(answer)
    assert answer["context"] == {"code": "token_expired" if shown == "an expired one" else "unauthenticated"}
    assert answer.get("principalId", "nobody") == "nobody"


@pytest.mark.parametrize("event", EVENTS)
async def test_a_token_without_the_scope_that_is_asked_for_is_denied(published: Published, judge: Verifier, event: Ask) -> None:
    asked = event(f"Bearer {published.issuer.token(now(), scopes=['files:read'])}")
    assert verdict(await authorize(asked, judge, needed=["files:read"]))
    answer = await authorize(asked, judge, needed=["files:read", "files:write"])
    assert not verdict(answer)
    assert answer["context"] == {"code": "insufficient_scope"}


async def test_two_tokens_are_none(published: Published, judge: Verifier) -> None:
    token = f"Bearer {published.issuer.token(now())}"
    event = rest_request(token)
    event["multiValueHeaders"]["Authorization"] = [token, token]
    assert not verdict(await authorize(event, judge))


async def test_headers_have_no_case_and_may_come_in_one_form_only(published: Published, judge: Verifier) -> None:
    event = rest_request(None)
    del event["multiValueHeaders"]
    event["headers"] = {"AUTHORIZATION": f"Bearer {published.issuer.token(now())}"}
    assert verdict(await authorize(event, judge))
    event["headers"] = None
    assert not verdict(await authorize(event, judge))


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "TOKEN",
        {},
        {"type": "OTHER"},
        {"type": "TOKEN", "authorizationToken": "Bearer a"},
        {"type": "TOKEN", "authorizationToken": "Bearer a", "methodArn": 7},
        {"type": "TOKEN", "authorizationToken": "Bearer a", "methodArn": "arn:aws:s3:::bucket/key"},
        {"type": "TOKEN", "authorizationToken": "Bearer a", "methodArn": ARN.rpartition("/")[0]},
        {"type": "REQUEST", "methodArn": f"{ARN}/GET/", "headers": ["Authorization"]},
        {"type": "REQUEST", "version": "2.0", "headers": "Authorization"},
        {"version": "2.0", "headers": {}},
    ],
    ids=str,
)
async def test_what_is_no_question_gets_no_answer(judge: Verifier, event: Any) -> None:
    with pytest.raises(NoAuthorizerEvent):
        await authorize(event, judge)


@pytest.mark.parametrize("status", [500, 302, 404])
async def test_while_no_key_set_could_be_read_nobody_is_allowed_and_nobody_denied_for_long(
    published: Published, timeless: Verifier, clock: FixedClock, status: int
) -> None:
    published.status = status
    for event in EVENTS:
        with pytest.raises(Unavailable):
            await authorize(event(f"Bearer {published.issuer.token(clock.now())}"), timeless)
    assert published.asked == 1


async def test_floods_and_other_addresses_are_no_key_sets(published: Published, running: tuple[Published, str]) -> None:
    published.padding = "x" * 70_000
    with pytest.raises(BadKeySet, match="large"):
        await fetch(running[1])
    with pytest.raises(BadKeySet, match="web"):
        await fetch("file:///etc/passwd")
    with pytest.raises(OSError, match="refused"):
        await fetch("http://127.0.0.1:1/")


async def test_keys_are_read_once_for_many_questions(published: Published, timeless: Verifier, clock: FixedClock) -> None:
    for _ in range(5):
        assert verdict(await authorize(http_api(f"Bearer {published.issuer.token(clock.now())}"), timeless))
    assert published.asked == 1


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    """The function's own modules, as they stand in the archive."""
    build_authorizer.lay_out(tmp_path / "function")
    return tmp_path / "function"


COLD = """
import json, sys
import coffer_authorizer
coffer_authorizer.KEY_SETS = coffer_authorizer.Path(sys.argv[1])
answers = [coffer_authorizer.handler(json.loads(line), None) for line in sys.stdin]
heavy = {"aiohttp", "litestar", "sqlalchemy", "botocore", "pydantic_settings", "structlog", "httpx"} & set(sys.modules)
print(json.dumps({"answers": answers, "heavy": sorted(heavy)}))
"""


def cold(function: Path, tmp_path: Path, events: list[dict[str, Any]], **environment: str) -> subprocess.CompletedProcess[str]:
    """The archive's modules in a fresh process that sees nothing else of Coffer."""
    started = "import site, sys; sys.path[:] = [path for path in sys.path if 'coffer' not in path or 'site-packages' in path]"
    program = f"{started}; sys.path.insert(0, {str(function)!r})\n{COLD}"
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "keys")],
        input="\n".join(map(json.dumps, events)),
        capture_output=True,
        text=True,
        check=False,
        cwd=function,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


async def test_the_function_starts_with_what_is_in_the_archive_and_loads_nothing_heavy(
    published: Published, running: tuple[Published, str], laid_out: Path, tmp_path: Path
) -> None:
    trusted = published.issuer.trusted.model_copy(update={"jwks_url": f"{running[1]}/jwks.json"})
    events = [event(f"Bearer {published.issuer.token(now())}") for event in EVENTS] + [http_api("Bearer junk")]
    environment = {"COFFER_TRUSTED_ISSUERS": f"[{trusted.model_dump_json()}]", "COFFER_AUTHORIZER_SCOPES": "files:read"}
    done = await asyncio.to_thread(cold, laid_out, tmp_path, events, **environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [verdict(answer) for answer in told["answers"]] == [True, True, True, False]
    assert told["heavy"] == []


@pytest.mark.slow
def test_what_the_function_logs_is_in_the_archive_too(published: Published, laid_out: Path, tmp_path: Path) -> None:
    trusted = published.issuer.trusted.model_copy(update={"jwks_url": "http://127.0.0.1:1/jwks.json"})
    events = [http_api(f"Bearer {published.issuer.token(now())}")]
    done = cold(laid_out, tmp_path, events, COFFER_TRUSTED_ISSUERS=f"[{trusted.model_dump_json()}]")
    assert done.returncode == 1
    assert "key_set_unreachable" in done.stdout + done.stderr
    assert "coffer_contracts.problems.Unavailable" in done.stderr


@pytest.mark.parametrize("setting", [None, "", "[", '[{"issuer": "a"}]', "7"])
def test_a_missing_or_wrong_setting_lets_nobody_pass(monkeypatch: pytest.MonkeyPatch, setting: str | None) -> None:
    monkeypatch.delenv("COFFER_TRUSTED_ISSUERS", raising=False)
    if setting is not None:
        monkeypatch.setenv("COFFER_TRUSTED_ISSUERS", setting)
    coffer_authorizer.verifier.cache_clear()
    with pytest.raises((KeyError, ValueError, TypeError)):
        coffer_authorizer.handler(http_api("Bearer junk"), None)


def test_the_same_sources_make_the_same_archive(laid_out: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    build_authorizer.pack(laid_out, one)
    build_authorizer.pack(laid_out, two)
    assert one.read_bytes() == two.read_bytes()
    assert b"coffer_authorizer.py" in one.read_bytes()
