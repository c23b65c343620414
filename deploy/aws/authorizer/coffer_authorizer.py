"""API Gateway Lambda authorizer: the chassis' verifier behind the shapes in which API Gateway asks and wants to be answered.

`coffer_authorizer.handler` is the entry point. What cannot be decided is raised: API Gateway answers 500 and lets nobody pass.
"""

import asyncio
import json
import os
import urllib.request
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from coffer_chassis.bearer import bearer_token
from coffer_chassis.clock import SystemClock
from coffer_chassis.identity import Principal, Verifier
from coffer_chassis.keysets import BYTES, FETCH_SECONDS, FRESH, BadKeySet
from coffer_chassis.trusted import TrustedIssuer
from coffer_contracts.problems import InsufficientScope, Problem, Temporary, Unauthenticated

ISSUERS = "COFFER_TRUSTED_ISSUERS"
"""The same JSON list that services are given."""
SCOPES = "COFFER_AUTHORIZER_SCOPES"
"""Scopes that every token must have, separated by spaces. Optional."""
KEY_SETS = Path("/tmp/coffer-key-sets")  # noqa: S108  # the one place a Lambda function may write to; public keys only
NOBODY = "nobody"

_loop = asyncio.new_event_loop()


class NoAuthorizerEvent(Exception):
    """What was asked is no question of API Gateway's to an authorizer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A redirect is no key set."""


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """The answer to API Gateway. Raises NoAuthorizerEvent, and Unavailable while no key set could be read.

    The loop lives as long as the Lambda environment, and with it the keys and the tokens that were verified.
    """
    return _loop.run_until_complete(authorize(event, verifier(), needed=os.environ.get(SCOPES, "").split()))


@cache
def verifier() -> Verifier:
    """The verifier of this environment. Raises KeyError or ValueError for settings that are missing or wrong."""
    issuers = tuple(TrustedIssuer.model_validate(entry) for entry in json.loads(os.environ[ISSUERS]))
    return Verifier(issuers, KEY_SETS, SystemClock(), fetch=fetch)


async def authorize(event: Any, judge: Verifier, *, needed: Iterable[str] = ()) -> dict[str, Any]:
    """Allow or deny, in the shape of the question. Raises NoAuthorizerEvent, Unavailable."""
    if not isinstance(event, dict) or event.get("type") not in {"TOKEN", "REQUEST"}:
        raise NoAuthorizerEvent("no type TOKEN or REQUEST")
    simple = event.get("version") == "2.0"
    resource = None if simple else _whole_stage(event.get("methodArn"))
    try:
        principal = await _caller(event, judge)
        if missing := [scope for scope in needed if scope not in principal.scopes]:
            raise InsufficientScope(required_scopes=missing)
    except Temporary:
        raise
    except Problem as problem:
        return _answer(resource, NOBODY, {"code": problem.code}, allowed=False)
    return _answer(resource, principal.user_id, _told(principal), allowed=True)


async def _caller(event: Mapping[str, Any], judge: Verifier) -> Principal:
    token = bearer_token((b"authorization", value.encode("utf-8", "replace")) for value in _authorizations(event))
    if token is None:
        raise Unauthenticated
    return await judge.verify(token)


def _authorizations(event: Mapping[str, Any]) -> list[str]:
    """Every Authorization that the request had, however API Gateway hands it on."""
    if event["type"] == "TOKEN":
        found: list[Any] = [event.get("authorizationToken")]
    else:
        several, single = event.get("multiValueHeaders") or {}, event.get("headers") or {}
        if not isinstance(several, dict) or not isinstance(single, dict):
            raise NoAuthorizerEvent("headers are no object")
        found = [value for name, values in several.items() if name.lower() == "authorization" for value in values or ()]
        found = found or [value for name, value in single.items() if name.lower() == "authorization"]
    return [value for value in found if isinstance(value, str)]


def _whole_stage(arn: object) -> str:
    """The ARN of every method of the stage: a policy is kept for the token and must hold for whatever it is used for next."""
    parts = arn.split("/") if isinstance(arn, str) else []
    if len(parts) < 2 or not parts[0].startswith("arn:") or ":execute-api:" not in parts[0]:
        raise NoAuthorizerEvent("no ARN of a method")
    return f"{parts[0]}/{parts[1]}/*"


def _told(principal: Principal) -> dict[str, str]:
    """What the integration behind API Gateway is told: texts only, API Gateway takes nothing else."""
    return {
        "userId": principal.user_id,
        "sessionId": principal.session_id,
        "scopes": " ".join(sorted(principal.scopes)),
        "kind": principal.kind,
    }


def _answer(resource: str | None, principal_id: str, told: dict[str, str], *, allowed: bool) -> dict[str, Any]:
    if resource is None:
        return {"isAuthorized": allowed, "context": told}
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if allowed else "Deny", "Resource": resource}
    return {
        "principalId": principal_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": told,
    }


async def fetch(url: str) -> bytes:
    """A key set over the network with what Python brings; raises OSError or BadKeySet. Follows no redirect."""
    return await asyncio.to_thread(_read, url)


def _read(url: str) -> bytes:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise BadKeySet("no web address")
    opener = urllib.request.build_opener(_NoRedirect)
    request = urllib.request.Request(url, headers=FRESH)  # noqa: S310  # the scheme was looked at
    response: IO[bytes]
    with opener.open(request, timeout=FETCH_SECONDS) as response:
        body = response.read(BYTES + 1)
    if len(body) > BYTES:
        raise BadKeySet("too large")
    return body
