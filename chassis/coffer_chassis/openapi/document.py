"""One service's document: what Litestar knows of its routes, completed with what our conventions add.

Litestar gives paths, parameters and the wiring of types; summaries, security, problems, headers and examples come from
here, because its own describe another error format and leave examples out.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

from litestar import Litestar
from litestar._openapi.plugin import OpenAPIPlugin  # the one maker of documents; its public way also adds routes
from litestar.config.app import AppConfig
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.routes import HTTPRoute

from coffer_chassis.access_rules import AccessRule, rule_of
from coffer_chassis.edge import REDIRECTIONS
from coffer_chassis.limits.policies import counting_of
from coffer_chassis.openapi.examples import example_of
from coffer_chassis.openapi.refusals import LIMIT_HEADERS, PROBLEM_SCHEMA, implied_problems, refusal_components
from coffer_chassis.openapi.schemas import precise_schemas, tidy
from coffer_contracts.problems import Problem, RateLimited
from coffer_contracts.scopes import SCOPES

Json = dict[str, Any]

_OPT = "documented"
_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token, a personal access token (`cof_pat_…`), a link session or a ticket. Operations list "
        "the scopes that a token needs, each of them; sessions of people have all that their account may have.",
        "x-scopes": dict(SCOPES),
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of a person who is signed in. Personal access tokens are refused.",
    },
}
_HEADERS: Json = {
    "ETag": ("Strong tag of the representation, for If-Match and If-None-Match.", '"3f1c9a7be2d04c55"'),
    "Idempotent-Replayed": ("`true` if this answer was given before for the same Idempotency-Key.", "true"),
    "Link": ("The next page, as RFC 8288 link.", '</v1/trash?cursor=abc>; rel="next"'),
    "Location": ("Where the thing made or the job can be found.", "/v1/uploads/0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"),
    "RateLimit": ("What is left of the policy.", '"default";r=598;t=43'),
    "RateLimit-Policy": ("The policy that counted this request.", '"default";q=600;w=60'),
    "Retry-After": ("Seconds to wait.", "7"),
    "X-Request-Id": ("The id under which the log knows this request.", "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"),
}


@dataclass(frozen=True, slots=True)
class _Notes:
    raises: tuple[type[Problem], ...] = ()
    request: Any = None
    response: Any = None
    headers: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    compat: bool = False
    also: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Requests that the service itself sends to whoever asked for them: what stands under `webhooks`, by name, and the
    components that it refers to, by section.
    """

    requests: Mapping[str, Json]
    components: Mapping[str, Mapping[str, Json]]


def documented(
    *,
    raises: Iterable[type[Problem]] = (),
    request: Any = None,
    response: Any = None,
    headers: Iterable[str] = (),
    events: Iterable[str] = (),
    compat: bool = False,
    also: Mapping[int, str] = MappingProxyType({}),
) -> dict[str, _Notes]:
    """What a handler cannot say by its types: joined to its access rule in `opt`, as in `user("files:read") | ...`.

    `raises`: refusals beside those every route shares. `request`, `response`: examples, made up from the schema where
    absent. `headers`: of the answer, by name. `events`: wire types that may follow. `compat`: a route of the CloudDrive
    API. `also`: further statuses that are no refusals, with when they are given. Raises KeyError for a header nobody described.
    """
    names = tuple(headers)
    for name in names:
        _HEADERS[name]
    return {_OPT: _Notes(tuple(raises), request, response, names, tuple(events), compat, tuple(also.items()))}


def describe(
    app: Litestar,
    *,
    title: str,
    version: str,
    description: str = "",
    shared: Sequence[type[Problem]] = (),
    outgoing: Outgoing | None = None,
) -> Json:
    """The document of one app; `shared` are refusals every route of it can give, such as RateLimited. Raises ValueError if what
    it sends bears the name of something that it answers.
    """
    raw = _litestar_document(app, OpenAPIConfig(title=title, version=version, description=description or None))
    document: Json = tidy(raw)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(precise_schemas(handler for _, _, handler in _operations(app)))
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = _SCHEMES
    components["headers"] = {
        name: {"description": meaning, "schema": {"type": "string"}, "example": example}
        for name, (meaning, example) in _HEADERS.items()
    }
    responses = components["responses"] = {}
    for path, method, handler in _operations(app):
        operation = document["paths"][path][method]
        rule, notes = rule_of(handler), handler.opt.get(_OPT, _Notes())
        _introduce(operation, handler, path, notes)
        operation["security"] = _security(rule, method)
        if rule is not None and rule.any_scope:
            operation["x-any-scope"] = True
        counted = counting_of(handler)
        limits = {RateLimited} if counted else set()
        problems = {*implied_problems(operation, rule), *limits, *notes.raises, *shared}
        named, bodies = refusal_components(problems)
        responses.update(bodies)
        answers = {code: body for code, body in operation.get("responses", {}).items() if int(code) < 400}
        _add_answers(answers, method, handler, notes)
        operation["responses"] = answers | {code: {"$ref": f"#/components/responses/{name}"} for code, name in named}
        # Not before the refusals are known: these headers are never refused as input.
        _add_conditions(operation, method, handler)
        _add_headers(answers, notes, LIMIT_HEADERS if counted else ())
        _add_examples(document, operation, answers, notes)
    if outgoing is not None:
        _add_outgoing(document, outgoing)
    return document


def _add_outgoing(document: Json, outgoing: Outgoing) -> None:
    document["webhooks"] = dict(outgoing.requests)
    for section, entries in outgoing.components.items():
        there = document["components"].setdefault(section, {})
        if twins := sorted(there.keys() & entries.keys()):
            raise ValueError(f"two components are called {twins[0]}: rename one, the name is public")
        there.update(entries)


def _litestar_document(app: Litestar, config: OpenAPIConfig) -> Json:
    config.use_handler_docstrings = True
    config.operation_id_creator = _operation_id
    plugin = OpenAPIPlugin(app)
    plugin.on_app_init(AppConfig(openapi_config=config))
    for route in app.routes:
        plugin.receive_route(route)
    return plugin.provide_openapi().to_schema()


def _operation_id(handler: HTTPRouteHandler, method: Any, _path: Any) -> str:
    # one function may answer HEAD as well as GET; ids are unique per operation
    verb = str(getattr(method, "value", method)).lower()
    if len(handler.http_methods) == 1:
        return handler.handler_name
    return f"{verb}_{handler.handler_name.partition('_')[2]}"


def _operations(app: Litestar) -> Iterable[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if handler.resolve_include_in_schema() and rule_of(handler) is not None:
                yield route.path_format or "/", method.lower(), handler


def _introduce(operation: Json, handler: BaseRouteHandler, path: str, notes: _Notes) -> None:
    text = cleandoc(handler.fn.__doc__ or "")
    first, _, _ = text.partition("\n")
    operation["summary"] = getattr(handler, "summary", None) or first.rstrip(".")
    operation["description"] = getattr(handler, "description", None) or text
    if not operation.get("tags"):
        segments = [segment for segment in path.split("/") if segment and segment != "v1"]
        operation["tags"] = ["compat" if notes.compat else (segments[0] if segments else "service")]
    if notes.events:
        operation["x-events"] = list(notes.events)
    if notes.compat:
        operation["x-compat"] = True


def _add_conditions(operation: Json, method: str, handler: HTTPRouteHandler) -> None:
    """The headers that `conditions` is read from; Litestar sees only the dependency (RFC 9110 section 13.1)."""
    if "conditions" not in handler.parsed_fn_signature.parameters:
        return
    reading = method in {"get", "head"}
    name, meaning = (
        ("If-None-Match", "ETags the caller has: 304 if it still stands as one of them.")
        if reading
        else ("If-Match", "The ETag that was read: 412 if somebody else changed it since.")
    )
    schema = {"type": "string", "examples": ['"7"']}
    parameter = {"name": name, "in": "header", "required": False, "description": meaning, "schema": schema}
    operation["parameters"] = [*operation.get("parameters", ()), parameter]


def _add_answers(answers: Json, method: str, handler: HTTPRouteHandler, notes: _Notes) -> None:
    """Those that Litestar does not see: with the same bodies as the one it does, or with none."""
    if "conditions" in handler.parsed_fn_signature.parameters and method in {"get", "head"}:
        answers["304"] = {"description": "It still stands as one of the tags in If-None-Match."}
    usual: Json = deepcopy(next(iter(answers.values()), {}))
    for status, meaning in notes.also:
        answers[str(status)] = ({} if status in REDIRECTIONS else deepcopy(usual)) | {"description": meaning}


def _security(rule: AccessRule | None, method: str) -> list[Json]:
    if rule is None or rule.audience in {"public", "internal"}:
        return []
    return [{"session": []}] if rule.session_only else [{"bearer": list(rule.scopes_for(method.upper()))}]


def _add_headers(answers: Json, notes: _Notes, limits: Sequence[str]) -> None:
    for status, answer in answers.items():
        shown = {"X-Request-Id", *notes.headers, *(() if int(status) in REDIRECTIONS else limits)}
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(shown)} | {
            name: value for name, value in (answer.get("headers") or {}).items() if name not in _HEADERS
        }


def _add_examples(document: Json, operation: Json, answers: Json, notes: _Notes) -> None:
    bodies = [(body, notes.request) for body in operation.get("requestBody", {}).get("content", {}).values()]
    bodies += [(body, notes.response) for answer in answers.values() for body in (answer.get("content") or {}).values()]
    for body, given in bodies:
        if "example" not in body and "examples" not in body:
            body["example"] = given if given is not None else example_of(body.get("schema", {}), document)
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _present(parameter.get("schema", {}))
        if "example" not in parameter and not parameter.get("schema", {}).get("examples"):
            parameter["example"] = example_of(parameter.get("schema", {}), document, name=parameter["name"])


def _present(schema: Json) -> Json:
    """What an optional parameter is when it is given: left out is not null, which no address can say."""
    kinds = [kind for kind in schema.get("oneOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1 or len(kinds) == len(schema["oneOf"]):
        return schema
    return {**kinds[0], **{name: value for name, value in schema.items() if name != "oneOf"}}
