"""The pages docs/problems.md and docs/settings.md: made from docstrings, class constants and field descriptions.

Values in, text out; which classes exist is said by the caller, and files are written by `docs`.
"""

import json
import types
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PostgresDsn, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from coffer_chassis.settings import CofferSettings, ServiceSettings
from coffer_contracts.events_page import anchor, cell
from coffer_contracts.problems import Problem, Temporary

_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret text",
    PostgresDsn: "address",
}
_LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}

_PROBLEMS = """\
# Problems

Generated from the classes by `make docs`; edit those, not this page.

Every refusal is an `application/problem+json` document (RFC 9457). Decide by `code`: it never changes its meaning and
never goes away. `title` belongs to the code, `detail` to this occurrence and is for people. `instance` and `request_id`
lead to the log. `type` is an address of the installation that ends in `/problems/<code with dashes>`. On input that breaks
a rule, `errors` points at each place with an RFC 6901 pointer. A code may have members of its own; they are shown with it.

```json
{
  "type": "https://coffer.example.org/docs/problems/name-conflict",
  "title": "Name already in use",
  "status": 409,
  "code": "name_conflict",
  "detail": "The folder already holds Report.pdf.",
  "instance": "urn:uuid:0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11",
  "request_id": "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11",
  "suggested_name": "Report (1).pdf"
}
```

*Repeat* says that the very same request may succeed later; `Retry-After` says when, where it is known.
"""

_SETTINGS = """\
# Settings

Generated from the settings classes by `make docs`; edit those, not this page.

Settings are environment variables. Lists and objects are written as JSON. A setting without a default must be given.
On one machine the launcher gives every service what it needs; then none of these has to be set.

Every setting of a service, its database address and its secrets above all, may say instead where the value is kept:
`aws-secretsmanager:<name or ARN>` takes the whole text of that secret in AWS Secrets Manager, and
`aws-secretsmanager:<name or ARN>#<key>` one member of its JSON. It is read once, at the start, with the AWS SDK's own
settings below (`AWS_ENDPOINT_URL_SECRETS_MANAGER` for another place), so restart the service after a rotation. The role needs
`secretsmanager:GetSecretValue`. A secret that cannot be read stops the start with the name of the setting.
"""

_AWS = """\
## The AWS SDK's own variables

Services and operator commands reach S3, SNS, SQS and SES through the AWS SDK and take its variables as they are, so that
the same service runs against AWS, a local cloud or a mix of both.

| variable | meaning |
| --- | --- |
| `AWS_REGION`, `AWS_DEFAULT_REGION` | The region; the first one wins. Default: `us-east-1`. |
| `AWS_ENDPOINT_URL` | Where the cloud is, when it is not AWS. |
| `AWS_ENDPOINT_URL_S3` | Where S3 is, when it is not where the rest is. |
| `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | Whose key is used by a service without a key of its own; \
roles of the machine or container work as well. |
"""


def problems_page(problems: Iterable[type[Problem]]) -> str:
    """All codes in one table, then each with its meaning and the members of its own; in the order given."""
    problems = tuple(problems)
    rows = ["| code | status | title | repeat |", "| --- | --- | --- | --- |"]
    for kind in problems:
        repeat = "yes" if issubclass(kind, Temporary) else "no"
        rows.append(f"| [`{kind.code}`](#{anchor(kind.code)}) | {kind.status} | {cell(kind.title)} | {repeat} |")
    return "\n".join([_PROBLEMS, *rows, "", *map(_problem, problems)])


def settings_page(
    services: Sequence[tuple[str, str, type[ServiceSettings]]], around: Sequence[tuple[str, str, type[BaseSettings]]] = ()
) -> str:
    """The settings of all services together, of each, of each alone, and of what stands around them.

    `services` and `around` are name, prefix and class.
    """
    parts = [
        _SETTINGS,
        f"## Coffer as a whole\n\n{_prose(CofferSettings)}\n",
        _table("COFFER_", CofferSettings, CofferSettings.model_fields),
        *_shapes("COFFER_", CofferSettings, CofferSettings.model_fields),
        f"## Every service\n\n{_prose(ServiceSettings)} `<SERVICE>` is one of "
        + ", ".join(f"`{prefix.removeprefix('COFFER_').removesuffix('_')}`" for _, prefix, _ in services)
        + ".\n",
        _table("COFFER_<SERVICE>_", ServiceSettings, ServiceSettings.model_fields),
    ]
    for name, prefix, settings in services:
        own = own_fields(settings)
        parts.append(f"## {name}\n\n{_prose(settings)}\n")
        parts.append(_table(prefix, settings, own) if own else "Nothing besides what every service has.\n")
        parts += _shapes(prefix, settings, own)
    for name, prefix, part in around:
        parts += [f"## {name}\n", f"{_prose(part)}\n", _table(prefix, part, part.model_fields)]
    return "\n".join([*parts, _AWS])


def own_fields(settings: type[ServiceSettings]) -> list[str]:
    """The fields that a service adds to those every service has, or gives another default."""
    inherited = ServiceSettings.model_fields
    return [
        name for name, field in settings.model_fields.items() if name not in inherited or repr(field) != repr(inherited[name])
    ]


def _problem(kind: type[Problem]) -> str:
    parts = [f"## {kind.code}\n", f"**{kind.status} {kind.title}.** {cleandoc(kind.__doc__ or '')}\n"]
    if kind.example:
        parts.append(f"```json\n{json.dumps(kind.example, indent=2, ensure_ascii=False)}\n```\n")
    return "\n".join(parts)


def _prose(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "")


def _table(prefix: str, settings: type[BaseModel], names: Iterable[str]) -> str:
    rows = []
    for name in names:
        field = settings.model_fields[name]
        kind = cell(", ".join([_type(field.annotation), *_limits(field)]))
        rows.append(f"| `{prefix}{name.upper()}` | {kind} | {_default(field)} | {cell(field.description or '')} |")
    return "\n".join(["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _shapes(prefix: str, settings: type[BaseSettings], names: Iterable[str]) -> Iterable[str]:
    """Tables of the objects that stand in the JSON of a setting."""
    for name in names:
        for part in get_args(settings.model_fields[name].annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                rows = [
                    f"| `{key}` | {cell(_type(inner.annotation))} | {cell(inner.description or '')} |"
                    for key, inner in part.model_fields.items()
                ]
                head = f"Each object in `{prefix}{name.upper()}`: {_prose(part)}\n"
                yield "\n".join([head, "| member | type | meaning |", "| --- | --- | --- |", *rows, ""])


def _type(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(option) for option in inner if option is not type(None))
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object"
    raise TypeError(f"no words for {annotation!r}")


def _limits(field: FieldInfo) -> list[str]:
    return [
        f"{words} {limit}"
        for part in field.metadata
        for name, words in _LIMITS.items()
        if (limit := getattr(part, name, None)) is not None
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    if field.default_factory is not None:
        return "depends"  # a factory reads the machine; its value here would not be the reader's
    if field.default is None:
        return "none"
    if isinstance(field.default, tuple):
        return f"`{json.dumps(field.default)}`"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"
