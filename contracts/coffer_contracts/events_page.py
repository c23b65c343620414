"""The page of all events, docs/events.md: made from the docstrings and field descriptions of the contracts.

Text in, text out: which service reads what and what a golden message looks like are given by the caller.
"""

import types
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from coffer_contracts.event import Event, Meta, PrivateCommand, Shape
from coffer_contracts.majors import newest_type, older_types
from coffer_contracts.schemas import ENVELOPE
from coffer_contracts.words import Open

EMITTERS = {"media": "media-worker"}
"""Services whose name is not the first part of their types."""

_PLAIN: Mapping[Any, str] = {str: "text", int: "whole number", bool: "true or false", AwareDatetime: "time"}

_LIMITS: Mapping[str, str] = {
    "ge": "at least",
    "le": "at most",
    "min_length": "length at least",
    "max_length": "length at most",
}

_INTRODUCTION = """\
# Events

Generated from `contracts/` by `make docs`; edit the classes there, not this page.

Every fact that one part of Coffer tells another, or a subscriber, is listed here. A message is a
[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) envelope in JSON with the fact in
`data`. Each type has a JSON Schema in [`contracts/schemas/`](../contracts/schemas) and frozen sample messages in
[`contracts/golden/`](../contracts/golden). A running Coffer says the same at `/v1/events/types`, and as one AsyncAPI document,
queues and filters included, at `/schema/asyncapi.json`.

- A type is `<service>.<entity>.<past fact>.v<major>`. Within a major only fields with a default are ever added; anything
  else is a new major, published beside the old one until nobody wants the old one. The older message of such a pair names
  the newer one in `newerid`: whoever reads both takes that for the `id` and has one fact.
- Ignore fields you do not know. A field that has no value is left out. Where more words may come, read one that you do not
  know as the page says.
- Messages come at least once and in any order. `id` and `source` together tell repeats apart; `sequence` orders the facts
  about one `subject` of one `source`, compared as text. Keep the highest you have seen, of removed things too.
- A fact carries the whole state after it, not the difference. Times are RFC 3339 in UTC with microseconds.
- *Public* means that no service of this release reads it; it is there for subscribers.
- Private commands, at the end, are no facts: they go from one service to one other over a topic of their own, carry their
  secret sealed to the reader's key, end at a time, and are never told to subscribers, told again or shown.
"""


_PRIVATE = "Private commands"


def emitter_of(wire_type: str) -> str:
    """The service that owns a type: only it publishes it."""
    service = wire_type.split(".", 1)[0]
    return EMITTERS.get(service, service)


def subject_form(event: type[Event]) -> str:
    """The subject with the names of the fields it is made of, e.g. `item/{item_id}`."""
    return event.model_construct(None, **{name: f"{{{name}}}" for name in event.model_fields}).subject


def events_page(
    events: Iterable[type[Event]],
    *,
    examples: Mapping[str, str],
    readers: Mapping[str, Sequence[str]],
) -> str:
    """The whole page. `examples` and `readers` are by wire type; a type without an example is a KeyError."""
    events = tuple(events)
    shapes: dict[str, type[Shape]] = {}
    for event in events:
        _collect_shapes(event, shapes)
    parts = [_INTRODUCTION, _index(events, readers), _envelope()]
    service = ""
    for event in events:
        if issubclass(event, PrivateCommand):
            if service != _PRIVATE:
                service = _PRIVATE
                parts.append(f"## {_PRIVATE}\n")
        elif emitter_of(event.type) != service:
            service = emitter_of(event.type)
            parts.append(f"## Published by {service}\n")
        parts.append(_section(event, examples[event.type], readers.get(event.type, ())))
    parts.append("## Shapes\n\nParts that stand inside the data of the events above.\n")
    parts += [f"### {name}\n\n{_prose(shape)}\n\n{_fields(shape)}" for name, shape in sorted(shapes.items())]
    return "\n".join(parts)


def type_text(annotation: Any) -> str:
    """A field's type in words; identifiers by their name."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, NewType):
        return annotation.__name__
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(inner[0])
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(type_text(option) for option in inner if option is not type(None))
    if origin is tuple:
        return f"list of {type_text(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    raise TypeError(f"no words for {annotation!r}")


def cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def anchor(heading: str) -> str:
    """The link target of a heading, as code hosts make it."""
    return "".join(letter for letter in heading.lower() if letter.isalnum() or letter in "-_")


def _prose(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "")


def _collect_shapes(model: type[BaseModel], found: dict[str, type[Shape]]) -> None:
    for field in model.model_fields.values():
        for part in _shapes_in(field.annotation):
            if part.__name__ not in found:
                found[part.__name__] = part
                _collect_shapes(part, found)


def _shapes_in(annotation: Any) -> Iterable[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation
    for part in get_args(annotation):
        yield from _shapes_in(part)


def _heard_by(event: type[Event], readers: Sequence[str]) -> str:
    return ", ".join(readers) or ("public" if event.public else "nobody yet")


def _index(events: Sequence[type[Event]], readers: Mapping[str, Sequence[str]]) -> str:
    rows = [
        f"| [`{event.type}`](#{anchor(event.type)}) | {cell(_prose(event).split('. ')[0].rstrip('.'))}"
        f"{'' if newest_type(event.type) == event.type else ' (superseded)'} "
        f"| {emitter_of(event.type)} | {_heard_by(event, readers.get(event.type, ()))} |"
        for event in events
    ]
    return "\n".join(["| type | fact | emitted by | read by |", "| --- | --- | --- | --- |", *rows, ""])


def _envelope() -> str:
    return f"## The envelope\n\n{_fields(Meta, ENVELOPE)}"


def _section(event: type[Event], example: str, readers: Sequence[str]) -> str:
    schema = f"{event.type}.json"
    return "\n".join(
        [
            f"### {event.type}\n",
            f"{_prose(event)}\n",
            *_majors(event),
            f"- emitted by: {emitter_of(event.type)}",
            f"- read by: {_heard_by(event, readers)}",
            f"- subject: `{subject_form(event)}`",
            f"- class: `{event.__module__}.{event.__name__}`; schema: [`{schema}`](../contracts/schemas/{schema})\n",
            _fields(event),
            f"<details><summary>A message</summary>\n\n```json\n{example.rstrip()}\n```\n\n</details>\n",
        ]
    )


def _majors(event: type[Event]) -> list[str]:
    newest = newest_type(event.type)
    if newest != event.type:
        return [f"- superseded by [`{newest}`](#{anchor(newest)}); deprecated, and published beside it for readers of before"]
    return [f"- supersedes [`{older}`](#{anchor(older)})" for older in older_types(event.type)]


def _fields(model: type[BaseModel], meanings: Mapping[str, str] | None = None) -> str:
    rows = []
    for name, field in model.model_fields.items():
        meaning = field.description or (meanings or {}).get(name, "")
        present = "yes" if field.is_required() or field.default is not None else "no"
        rows.append(f"| `{name}` | {_kind(field)} | {present} | {cell(meaning)} |")
    return "\n".join(["| field | type | always there | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _kind(field: FieldInfo) -> str:
    limits = [
        f"{words} {limit}"
        for part in field.metadata
        for name, words in _LIMITS.items()
        if (limit := getattr(part, name, None)) is not None
    ]
    grows = [f"more may come, to be read as `{part.unknown}`" for part in field.metadata if isinstance(part, Open)]
    return cell(", ".join([type_text(field.annotation), *limits, *grows]))
