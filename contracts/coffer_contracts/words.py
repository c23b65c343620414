"""Words that may grow: an enumeration to whoever writes, open to whoever reads.

A writer may use the known words only. A reader takes a word it does not know for one that it does, the one that promises
least, so a newer writer of the same major may bring new words and no older reader fails on them.
"""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticKnownError, core_schema

READING: Final = {"reading": True}
"""The validation context of messages that somebody else wrote."""

KNOWN = "x-extensible-enum"
READ_AS = "x-unknown-as"
"""How an open word stands in a JSON Schema: the words of this release, and what a reader takes any other for."""


@dataclass(frozen=True)
class Open:
    """Annotation of a `Literal` of words that may grow; `unknown` is one of them."""

    unknown: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        known = handler(source)
        other = core_schema.with_info_plain_validator_function(self._read)
        # The known words first: what every message carries costs no call into Python.
        return core_schema.union_schema(
            [known, other],
            mode="left_to_right",
            custom_error_type="literal_error",
            custom_error_context={"expected": "a known word"},
        )

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        drawn = handler(schema["choices"][0])
        return {"type": "string", KNOWN: drawn["enum"], READ_AS: self.unknown}

    def _read(self, value: Any, info: ValidationInfo) -> str:
        if isinstance(value, str) and info.context is READING:
            return self.unknown
        raise PydanticKnownError("literal_error", {"expected": "a known word"})
