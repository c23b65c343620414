"""Comments over HTTP: say, read, change, delete, resolve."""

from collections.abc import Sequence

from litestar import Response, delete, get, patch, post, put
from litestar.params import JSONBody

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.http import not_modified
from coffer_chassis.limits.policies import limited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    page_size,
    replay_header,
)
from coffer_contracts.ids import CommentId
from coffer_contracts.problems import (
    CursorInvalid,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    LimitReached,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    StateConflict,
)
from coffer_contracts.sharing_comments import CommentChangedV1, CommentCreatedV1, CommentDeletedV1
from coffer_sharing.domain import KEEP
from coffer_sharing.domain.comments import Reading, ThreadPlace
from coffer_sharing.handlers.comments import Edit, add_comment, edit_comment, find_comment, list_comments
from coffer_sharing.handlers.comments_ending import delete_comment, resolve_thread
from coffer_sharing.handlers.comments_showing import ShownComment
from coffer_sharing.routes.comment_answers import CommentAnswer, CommentsPage, comment_answer
from coffer_sharing.routes.comment_requests import (
    COMMENT_EXAMPLE,
    WRITE,
    CommentBody,
    CommentChangeBody,
    CommentInPath,
    Resolved,
    ThreadSort,
    comment_in_path,
    newest_first,
)
from coffer_sharing.routes.requests import DEFAULT_LIMIT, READ, OfItem, TheDeps, item_in_query

NEWEST_FIRST = "-created_at"


@post(
    "/v1/comments",
    opt=user(WRITE)
    | limited("comment")
    | documented(
        raises=[NotFound, LimitReached, IdempotencyKeyReuse, IdempotencyInProgress],
        request=COMMENT_EXAMPLE,
        headers=["ETag", "Idempotent-Replayed"],
        events=[CommentCreatedV1.type],
    ),
    operation_id="add_comment",
    tags=["comments"],
    summary="Comment on an item",
)
async def post_comment(
    data: JSONBody[CommentBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[CommentAnswer]:
    """Comment on an item that you may see, or reply to a comment on it. Told are the owner of the item, who is mentioned, and
    of a reply whoever wrote in the thread, as far as they may see the item.

    For an item that was made just now the answer may take up to a second.
    """
    used = claim_of(idempotency_key, principal, "POST /v1/comments", data)
    made, replayed = await add_comment(deps, principal, origin, used, data.remark)
    headers = {"ETag": made.etag, **replay_header(replayed)}
    return Response(comment_answer(made), status_code=201, headers=headers)


@get(
    "/v1/comments",
    opt=user(READ) | documented(raises=[NotFound, CursorInvalid]),
    operation_id="list_comments",
    tags=["comments"],
    summary="Read the comments of an item",
)
async def get_comments(
    item_id: OfItem,
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    sort: ThreadSort = NEWEST_FIRST,
    resolved: Resolved = None,
) -> Response[CommentsPage]:
    """The comments of an item that you may see, thread by thread: each comment that began one is followed by its replies,
    oldest first. A page may end within a thread; the next one goes on there.
    """
    wanted = item_in_query(item_id)
    listing = Listing("comments", principal.user_id, sort, {"item_id": wanted, "resolved": resolved})
    after = _place(cursors.open(cursor, listing)) if cursor else None
    page = await list_comments(deps, principal, wanted, Reading(page_size(limit), newest_first(sort), resolved, after))
    following = cursors.seal([*page.after], listing) if page.after else None
    return Response(CommentsPage([comment_answer(one) for one in page.comments], following))


@get(
    "/v1/comments/{comment:str}",
    opt=user(READ) | documented(raises=[MalformedRequest], headers=["ETag"]),
    operation_id="get_comment",
    tags=["comments"],
    summary="Look at a comment",
)
async def get_comment(
    comment: CommentInPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[CommentAnswer] | Response[None]:
    """One comment of an item that you may see. 304 if the caller has it already."""
    found = await find_comment(deps, principal, comment_in_path(comment))
    if conditions.not_modified(found.etag):
        return not_modified(found.etag)
    return _answered(found)


@patch(
    "/v1/comments/{comment:str}",
    opt=user(WRITE)
    | limited("comment")
    | documented(
        raises=[Forbidden, StateConflict, PreconditionFailed],
        request={"body": "Is **this** the last version?", "mentions": []},
        headers=["ETag"],
        events=[CommentChangedV1.type],
    ),
    operation_id="change_comment",
    tags=["comments"],
    summary="Change a comment",
)
async def patch_comment(
    comment: CommentInPath,
    data: JSONBody[CommentChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[CommentAnswer]:
    """Change text or mentions of a comment of your own. Only who was not mentioned before is told of it."""
    mentions = KEEP if data.mentions is None else [one.named for one in data.mentions]
    edit = Edit(KEEP if data.body is None else data.body, mentions)
    return _answered(await edit_comment(deps, principal, origin, comment_in_path(comment), edit, conditions))


@delete(
    "/v1/comments/{comment:str}",
    opt=user(WRITE) | documented(raises=[Forbidden, PreconditionFailed, MalformedRequest], events=[CommentDeletedV1.type]),
    operation_id="delete_comment",
    tags=["comments"],
    summary="Delete a comment",
)
async def delete_one_comment(
    comment: CommentInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> None:
    """Delete a comment of your own, or any on an item that is yours. Of one that has replies the place remains, without text
    and author.
    """
    await delete_comment(deps, principal, origin, comment_in_path(comment), conditions)


_RESOLVING = [Forbidden, StateConflict, PreconditionFailed, MalformedRequest]


@put(
    "/v1/comments/{comment:str}/resolved",
    opt=user(WRITE) | limited("comment") | documented(raises=_RESOLVING, headers=["ETag"], events=[CommentChangedV1.type]),
    operation_id="resolve_comment",
    tags=["comments"],
    summary="Mark a thread as resolved",
)
async def put_resolved(
    comment: CommentInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> Response[CommentAnswer]:
    """Mark a thread as resolved, by the comment that began it: for whoever wrote that and whoever may change the item. Once
    more is fine and changes nothing.
    """
    return _answered(await resolve_thread(deps, principal, origin, comment_in_path(comment), conditions, resolved=True))


@delete(
    "/v1/comments/{comment:str}/resolved",
    opt=user(WRITE) | limited("comment") | documented(raises=_RESOLVING, headers=["ETag"], events=[CommentChangedV1.type]),
    status_code=200,
    operation_id="reopen_comment",
    tags=["comments"],
    summary="Open a thread again",
)
async def delete_resolved(
    comment: CommentInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> Response[CommentAnswer]:
    """Open a thread again, for those who may resolve it. Once more is fine and changes nothing."""
    return _answered(await resolve_thread(deps, principal, origin, comment_in_path(comment), conditions, resolved=False))


def _answered(shown: ShownComment) -> Response[CommentAnswer]:
    return Response(comment_answer(shown), headers={"ETag": shown.etag})


def _place(position: Sequence[Value]) -> ThreadPlace:
    match position:
        case [str() as thread_id, bool() as is_reply, str() as comment_id]:
            return ThreadPlace(CommentId(thread_id), is_reply, CommentId(comment_id))
    raise CursorInvalid


ROUTES = (post_comment, get_comments, get_comment, patch_comment, delete_one_comment, put_resolved, delete_resolved)
