"""Dead letters over HTTP: browse, group, look at one."""

from typing import Any

from litestar import Response, get

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import letters
from coffer_chassis.admin.routes.answers import GroupsAnswer, LetterAnswer, LettersAnswer, group_answer, letter_answer
from coffer_chassis.admin.routes.requests import (
    DEFAULT_LIMIT,
    InState,
    LetterId,
    OfError,
    OfHandler,
    OfQueue,
    OfReason,
    OfType,
    Prefix,
    TheOperations,
    place_of,
)
from coffer_chassis.cursors import Listing
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, known_id, page_size
from coffer_contracts.problems import CursorInvalid, NotFound


def routes(service: str) -> tuple[Any, ...]:
    """Of one service."""
    prefix = Prefix.of(service)
    word, path = prefix.word, f"{prefix.path}/dead-letters"

    @get(
        path,
        opt=operator() | documented(raises=[CursorInvalid]),
        operation_id=f"list_{word}_dead_letters",
        tags=["operators"],
        summary=f"Browse the dead letters of {service}",
    )
    async def get_letters(
        principal: ThePrincipal,
        operations: TheOperations,
        cursors: TheCursors,
        queue: OfQueue = None,
        wire_type: OfType = None,
        error_class: OfError = None,
        handler: OfHandler = None,
        reason: OfReason = None,
        in_state: InState = "waiting",
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response[LettersAnswer]:
        """Messages that failed for good, those that died last first, up to 100 on a page. Each with its body read by its
        contract, or why it cannot be read.
        """
        wanted = Wanted(queue=queue, type=wire_type, error_class=error_class, handler=handler, reason=reason)
        filters = {"queue": queue, "type": wire_type, "error_class": error_class, "handler": handler, "reason": reason}
        listing = Listing(f"{service}/dead-letters", principal.user_id, filters=filters | {"state": in_state})
        after = place_of(cursors.open(cursor, listing)) if cursor else None
        size = min(page_size(limit), letters.LARGEST_PAGE)
        found = await letters.page(operations, wanted, in_state, after, size + 1)
        shown = found[:size]
        following = cursors.seal([shown[-1].dead_at, shown[-1].id], listing) if len(found) > size else None
        return Response(LettersAnswer([letter_answer(letter) for letter in shown], following))

    @get(
        f"{path}/groups",
        opt=operator(),
        operation_id=f"group_{word}_dead_letters",
        tags=["operators"],
        summary=f"Group the dead letters of {service}",
    )
    async def get_groups(
        operations: TheOperations,
        queue: OfQueue = None,
        wire_type: OfType = None,
        error_class: OfError = None,
        handler: OfHandler = None,
        reason: OfReason = None,
        in_state: InState = "waiting",
    ) -> Response[GroupsAnswer]:
        """Letters by queue, type, error, handler and the first 80 characters of the reason, the largest groups first."""
        wanted = Wanted(queue=queue, type=wire_type, error_class=error_class, handler=handler, reason=reason)
        found, more = await letters.groups(operations, wanted, in_state)
        return Response(GroupsAnswer([group_answer(group) for group in found], more))

    @get(
        f"{path}/{{letter:str}}",
        opt=operator(),
        operation_id=f"get_{word}_dead_letter",
        tags=["operators"],
        summary=f"Look at a dead letter of {service}",
    )
    async def get_letter(letter: LetterId, operations: TheOperations) -> Response[LetterAnswer]:
        """One letter, its whole body included."""
        async with operations.work.read() as connection:
            found = await letters.find(connection, operations, known_id(letter))
        if found is None:
            raise NotFound
        return Response(letter_answer(found))

    return get_letters, get_groups, get_letter
