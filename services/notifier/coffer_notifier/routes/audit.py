"""The audit over HTTP, for operators: listed, exported, and the anchors of its chain."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import operator
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.admin.routes.requests import place_of
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.byte_stream import ByteStream
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.request_context import HEAD_KEY
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, page_size
from coffer_contracts.notifier import OperatorActedV1
from coffer_contracts.problems import CursorInvalid
from coffer_notifier.domain.audit import line_of
from coffer_notifier.handlers.exporting import begin_export, lines
from coffer_notifier.routes.audit_requests import WANTED, AuditRecord, TheWanted
from coffer_notifier.routes.requests import DEFAULT_LIMIT, TheDeps
from coffer_notifier.store import audit, audit_chain
from coffer_notifier.store.audit import Line
from coffer_notifier.store.audit_chain import Anchor

NDJSON = "application/x-ndjson"


class AuditAnswer(msgspec.Struct, frozen=True):
    """A page of records, newest first."""

    items: list[AuditRecord]
    next_cursor: str | None


class AnchorAnswer(msgspec.Struct, frozen=True):
    """How far the chain went when a day had ended, in UTC."""

    day: str
    position: int
    hash: str
    anchored_at: Timestamp


class HeadAnswer(msgspec.Struct, frozen=True):
    """How far the chain goes now; position 0 before the first entry."""

    position: int
    hash: str


class AnchorsAnswer(msgspec.Struct, frozen=True):
    """Anchors, newest first; how far the chain goes now, and after what it begins."""

    items: list[AnchorAnswer]
    head: HeadAnswer
    begins_after: HeadAnswer


@get(
    "/v1/audit",
    opt=operator() | documented(raises=[CursorInvalid]),
    dependencies=WANTED,
    operation_id="list_audit_entries",
    tags=["operators"],
    summary="See who did what to this installation and its accounts",
)
async def get_audit(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    wanted: TheWanted,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[AuditAnswer]:
    """Acts of operators, what happened to the security of accounts, and who gave rights to whom or took them, newest first."""
    listing = Listing("audit", principal.user_id, filters=wanted.filters)
    after = place_of(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    async with deps.work.read() as connection:
        found = await audit.page(connection, wanted, after, size + 1)
    shown = found[:size]
    following = cursors.seal([shown[-1][0].at, shown[-1][0].id], listing) if len(found) > size else None
    return Response(AuditAnswer([_record(line) for line in shown], following))


def _record(line: Line) -> AuditRecord:
    return msgspec.convert(line_of(*line), AuditRecord)


@get(
    "/v1/audit/export",
    opt=operator() | documented(events=[OperatorActedV1.type]),
    dependencies=WANTED,
    operation_id="export_audit",
    tags=["operators"],
    summary="Export the audit",
    media_type=NDJSON,
)
async def get_audit_export(
    request: Request[Any, Any, Any],
    origin: TheOrigin,
    deps: TheDeps,
    wanted: TheWanted,
) -> Response[bytes]:
    """The same records, one JSON object a line, in the order of the chain, up to where it goes now. Each has its digest and
    hash, so an export can be checked without Coffer. When the answer breaks off, the export is not whole. Exporting is an
    act of its own, `audit.exported`.
    """
    headers = {
        "Content-Type": NDJSON,
        "Content-Disposition": 'attachment; filename="audit.ndjson"',
        "Cache-Control": "private, no-store",
        "X-Accel-Buffering": "no",
    }
    if request.scope.get(HEAD_KEY):
        return Response(b"", media_type=NDJSON, headers=headers)
    until_position = await begin_export(deps, as_operator(origin), wanted)
    return ByteStream(lines(deps, wanted, until_position), headers)


BeforeDay = Annotated[date | None, QueryParameter(description="Only of days before this one, e.g. `2026-11-20`.")]


@get(
    "/v1/audit/anchors",
    opt=operator() | documented(),
    operation_id="list_audit_anchors",
    tags=["operators"],
    summary="See how far the chain of the audit went day by day",
)
async def get_audit_anchors(deps: TheDeps, before: BeforeDay = None, limit: Limit = DEFAULT_LIMIT) -> Response[AnchorsAnswer]:
    """Anchors of the audit, newest first, and its head. Kept elsewhere, they show whether anybody rewrote what lies before:
    give them to `audit verify`.
    """
    size = page_size(limit)
    async with deps.work.read() as connection:
        found = await audit_chain.anchors_before(connection, before, size)
        head, begins = await audit_chain.head(connection), await audit_chain.beginning(connection)
    return Response(
        AnchorsAnswer(
            [_anchor(one) for one in found],
            HeadAnswer(head.position, head.hash),
            HeadAnswer(begins.position, begins.hash),
        )
    )


def _anchor(one: Anchor) -> AnchorAnswer:
    return AnchorAnswer(one.day.isoformat(), one.position, one.hash, timestamp(one.anchored_at))


ROUTES = (get_audit, get_audit_export, get_audit_anchors)
