"""What bodies and answers are made of: closed request models, and times and permissions as every answer writes them.

No route and no business value lives here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, WithJsonSchema

from coffer_chassis.access import Rights

_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-11-20T10:15:00.000Z"]}

Timestamp = Annotated[
    str,
    msgspec.Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-20T10:15:00.000Z"]}),
    WithJsonSchema(_TIME_SCHEMA),
]
"""A time in an answer, already text: made by `timestamp`, documented as `date-time`."""


def timestamp(moment: datetime) -> Timestamp:
    """RFC 3339 in UTC with milliseconds and `Z`; raises ValueError for a time without a zone."""
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError("a time without a zone means nothing to a reader")
        moment = moment.astimezone(UTC)
    # Four times as fast as a format string, and listings write hundreds of them.
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


class PermissionsAnswer(msgspec.Struct, frozen=True):
    """What may be done with an item."""

    read: bool
    write: bool
    delete: bool
    share: bool


def permissions_answer(rights: Rights) -> PermissionsAnswer:
    """Rights as answers show them."""
    return PermissionsAnswer(Rights.READ in rights, Rights.WRITE in rights, Rights.DELETE in rights, Rights.SHARE in rights)


def link_header(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The header that leads from an answer to others: address and relation of each (RFC 8288)."""
    return {"Link": ", ".join(f'<{address}>; rel="{relation}"' for address, relation in links)}


def successor(path: str) -> dict[str, str]:
    """The header that names the route to prefer (RFC 5829)."""
    return link_header([(path, "successor-version")])


class Body(BaseModel):
    """Base of every request body: unknown fields are refused with 422 `validation_failed`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
