"""Reading request bodies: JSON by its media type only, pydantic models with errors that point at the field.

Replaces two things Litestar does: its lenient reading of any bytes as JSON, and its flat list of pydantic errors.
"""

from typing import Any

import msgspec
from litestar import Request
from litestar.plugins.pydantic import PydanticInitPlugin
from pydantic import BaseModel, ValidationError

from coffer_chassis.input_errors import errors_in_body, pointer
from coffer_contracts.problems import FieldError, MalformedRequest, UnsupportedMediaType, ValidationFailed

_decode = msgspec.json.Decoder().decode


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON body must say that it is JSON and must be text that PostgreSQL can store."""

    async def json(self) -> Any:
        """The decoded body, read once.

        Raises UnsupportedMediaType for another `Content-Type`, MalformedRequest for broken or too deep JSON, and
        ValidationFailed for U+0000 inside a string.
        """
        known = self._connection_state.json
        if isinstance(known, _Read):
            return known.value
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaType("the body must be application/json", supported=["application/json"])
        raw = await self.body()
        try:
            value = _decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            told = "too deeply nested" if isinstance(error, RecursionError) else str(error)
            raise MalformedRequest(told) from error
        if b"\\u0000" in raw and (found := _nul_steps(value)) is not None:
            detail = "text cannot hold U+0000"
            raise ValidationFailed(detail, errors=(FieldError(pointer(found), "nul_character", detail),))
        self._connection_state.json = _Read(value)
        return value


class _Read:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _nul_steps(value: Any) -> list[str | int] | None:
    if isinstance(value, str):
        return [] if "\x00" in value else None
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inner:
        if isinstance(step, str) and "\x00" in step:
            return []
        if (below := _nul_steps(part)) is not None:
            return [step, *below]
    return None


def _read_model(model: type[BaseModel], value: Any) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = errors_in_body(value, error.errors(include_url=False, include_context=False))
        raise ValidationFailed(found[0].detail, errors=found) from error


def _write_model(model: BaseModel) -> msgspec.Raw:
    return msgspec.Raw(model.__pydantic_serializer__.to_json(model))


class PydanticBodies(PydanticInitPlugin):
    """Litestar's plugin point for pydantic, with our reading and a writing that skips the detour over dicts."""

    @classmethod
    def decoders(cls, validate_strict: bool = False) -> list[Any]:  # noqa: FBT001, FBT002 - the signature is Litestar's
        """Models are read by us; the other decoders stay."""
        theirs = super().decoders(validate_strict)
        return [(_is_model, _read_model), *theirs]

    @classmethod
    def encoders(cls, *args: Any, **options: Any) -> dict[Any, Any]:
        """Models are written by pydantic's own serializer, straight to bytes."""
        return {**super().encoders(*args, **options), BaseModel: _write_model}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
