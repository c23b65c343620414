"""What is generated at build and served as it is: the OpenAPI and AsyncAPI documents, and the problems of services
that are elsewhere.

Imports no service: a gateway in a container of its own has none.
"""

import json
import types
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from coffer_chassis.access_rules import public
from coffer_chassis.limits.policies import unlimited
from coffer_contracts.problems import Problem, problem_by_code

DOCUMENT = "openapi.json"
EVENTS = "asyncapi.json"
PROBLEMS = "problems.json"


@cache
def _read(name: str) -> bytes:
    return (files("coffer_local") / name).read_bytes()


@get("/schema/openapi.json", opt=public() | unlimited(), include_in_schema=False, media_type="application/json")
async def get_openapi() -> Response[bytes]:
    """The document as it was generated at build."""
    return Response(_read(DOCUMENT), media_type="application/json", headers={"Cache-Control": "public, max-age=300"})


@get("/schema/asyncapi.json", opt=public() | unlimited(), include_in_schema=False, media_type="application/json")
async def get_asyncapi() -> Response[bytes]:
    """The document of the events as it was generated at build."""
    return Response(_read(EVENTS), media_type="application/json", headers={"Cache-Control": "public, max-age=300"})


def document_routes() -> list[HTTPRouteHandler]:
    """The routes that serve the documents."""
    return [get_openapi, get_asyncapi]


def problems_text(problems: Iterable[type[Problem]]) -> str:
    """The problems as they are committed, for `learn_problems`."""
    known = [
        {"code": kind.code, "status": kind.status, "title": kind.title, "example": dict(kind.example), "meaning": kind.__doc__}
        for kind in problems
    ]
    return json.dumps(known, indent=1, ensure_ascii=False) + "\n"


def learn_problems() -> None:
    """Make the problems of services known to the pages under `/docs/problems` where their classes are not. May run twice."""
    for known in json.loads(_read(PROBLEMS)):
        if problem_by_code(known["code"]) is None:
            _learn(known)


def _learn(known: dict[str, Any]) -> None:
    constants = {name: known[name] for name in ("code", "status", "title", "example")}
    name = known["code"].title().replace("_", "")
    types.new_class(name, (Problem,), constants, lambda members: members.update(__doc__=known["meaning"]))
