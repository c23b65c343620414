"""Every refusal Coffer can answer with: stable codes, one class each.

    Problem
    ├── BadRequest 400       MalformedRequest CursorInvalid IdempotencyKeyRequired
    ├── NotSignedIn 401      Unauthenticated TokenExpired InvalidCredentials MfaRequired MfaInvalid LinkPasswordRequired
    ├── Refused 403          Forbidden InsufficientScope CsrfFailed QuotaExceeded EmailUnverified AccountSuspended
    │                        AccountNotLinked FeatureDisabled MalwareDetected TicketRequired StepUpRequired
    ├── Conflict 409         NameConflict KindConflict Cycle StateConflict AlreadyShared UsernameTaken UploadIncomplete
    │                        LimitReached LastOperator
    ├── Gone 410             CursorExpired EventsForgotten LinkExpired LinkExhausted UploadExpired
    ├── Unprocessable 422    ValidationFailed NameInvalid PasswordWeak IdempotencyKeyReuse ChecksumMismatch SizeMismatch
    ├── NotFound 404, MethodNotAllowed 405, PreconditionFailed 412, TooLarge 413, UnsupportedMediaType 415,
    │   RangeInvalid 416, Locked 423, BatchUndone 424, PreconditionRequired 428, Internal 500
    └── Temporary            the same request may succeed later, unchanged: IdempotencyInProgress 409, RateLimited 429,
                             TooManyAttempts 429, DependencyFailed 502, Unavailable 503, Maintenance 503, Timeout 504

A code is a promise: it never changes its meaning and never goes away. A service may add a class of its own in its
`domain.py`; nothing but classes lives here.
"""

from coffer_contracts.problem import (
    BadRequest,
    Conflict,
    FieldError,
    Gone,
    NotSignedIn,
    Problem,
    Refused,
    Temporary,
    Unprocessable,
    all_problems,
    problem_by_code,
)

__all__ = ["FieldError", "Problem", "Temporary", "all_problems", "problem_by_code"]

_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
_ETAG = '"3f1c9a7be2d04c55"'


class MalformedRequest(BadRequest, code="malformed_request", title="The request cannot be read"):
    """The request is not HTTP, JSON or a header value as its RFC wants it."""


class CursorInvalid(BadRequest, code="cursor_invalid", title="The cursor does not fit this request"):
    """The cursor was changed, was made for another user, or the sort or filters differ from those it was made with."""


class IdempotencyKeyRequired(BadRequest, code="idempotency_key_required", title="An Idempotency-Key is required"):
    """The route only works with an `Idempotency-Key` header."""


class Unauthenticated(NotSignedIn, code="unauthenticated", title="Sign in first"):
    """No token, or one that does not verify."""


class TokenExpired(NotSignedIn, code="token_expired", title="The token has expired"):
    """The access token was valid once; a refresh brings a new one."""


class InvalidCredentials(NotSignedIn, code="invalid_credentials", title="Name or password is wrong"):
    """Name and password do not belong together; which of the two is wrong is not told."""


class MfaRequired(
    NotSignedIn,
    code="mfa_required",
    title="A second factor is required",
    example={"mfa_token": "…", "methods": ["totp", "recovery_code"], "expires_at": "2026-11-20T10:15:00.000Z"},
):
    """The password was right; a second factor is needed. `mfa_token` carries the sign-in on."""


class MfaInvalid(NotSignedIn, code="mfa_invalid", title="The second factor is wrong"):
    """The code of the second factor is wrong, too old or used up."""


class LinkPasswordRequired(NotSignedIn, code="link_password_required", title="The link needs a password"):
    """The public link is protected; unlock it first."""


class Forbidden(Refused, code="forbidden", title="Not allowed"):
    """The caller can see this but may not do it. What the caller may not see is `not_found`."""


class InsufficientScope(
    Refused, code="insufficient_scope", title="The token lacks a scope", example={"required_scopes": ["files:write"]}
):
    """The token is valid but was not given this scope."""


class CsrfFailed(Refused, code="csrf_failed", title="The request did not come from Coffer's own pages"):
    """A request with a cookie came without its counterpart header, or from another origin."""


class QuotaExceeded(
    Refused,
    code="quota_exceeded",
    title="The storage quota is used up",
    example={"used": 10_737_000_000, "limit": 10_737_418_240, "needed": 1_048_576},
):
    """The owner's storage is full; sizes in bytes."""


class EmailUnverified(Refused, code="email_unverified", title="The e-mail address is not verified"):
    """The account's e-mail address must be verified first."""


class AccountSuspended(Refused, code="account_suspended", title="The account is suspended"):
    """An operator has suspended the account."""


class AccountNotLinked(Refused, code="account_not_linked", title="There is no account for this person"):
    """The issuer's word is good, but no account has the e-mail address it vouches for, and none is made by itself."""


class FeatureDisabled(Refused, code="feature_disabled", title="This feature is turned off"):
    """The operator of this installation has turned this off."""


class MalwareDetected(Refused, code="malware_detected", title="The content is dangerous"):
    """The content was found to be dangerous and is not handed out."""


class TicketRequired(Refused, code="ticket_required", title="A download ticket is required"):
    """A link session needs a fresh, unused ticket for bytes."""


class StepUpRequired(
    Refused,
    code="step_up_required",
    title="Prove again that it is you",
    example={"methods": ["password", "totp", "recovery_code"]},
):
    """Before security settings change, the session must have proved who it is within 15 minutes: `POST /v1/auth/step-up`.

    `methods` lists what is to be shown: `password` always; where others follow, one of them as well.
    """


class NotFound(Problem, code="not_found", status=404, title="Not found"):
    """There is no such thing, or the caller may not know of it: both are the same answer."""


class MethodNotAllowed(Problem, code="method_not_allowed", status=405, title="Method not allowed"):
    """The address exists, the method does not; `Allow` lists those that do."""


class NameConflict(
    Conflict,
    code="name_conflict",
    title="Name already in use",
    example={
        "existing": {"id": _ID, "kind": "file", "etag": _ETAG},
        "suggested_name": "Report (1).pdf",
    },
):
    """The folder already holds this name; `suggested_name` is free at this moment."""


class KindConflict(
    Conflict,
    code="kind_conflict",
    title="A file and a folder are in each other's way",
    example={"existing": {"id": _ID, "kind": "folder", "etag": _ETAG}},
):
    """A file cannot replace a folder, nor a folder a file."""


class Cycle(Conflict, code="cycle", title="A folder cannot contain itself"):
    """A folder cannot move into itself or below itself."""


class StateConflict(Conflict, code="state_conflict", title="Not possible in the present state", example={"state": "committed"}):
    """The thing is in a state in which this cannot be done."""


class AlreadyShared(
    Conflict,
    code="already_shared",
    title="Already shared with this person",
    example={"existing": {"id": _ID, "recipient_id": "0198c2f5-11aa-7d02-8c41-2f0e5b7a9d33"}},
):
    """The person already has a share of this item; change that one. `existing` is the first that is in the way."""


class UsernameTaken(Conflict, code="username_taken", title="The user name is taken"):
    """Someone else has this user name."""


class LastOperator(Conflict, code="last_operator", title="Somebody must run this installation"):
    """Afterwards no account could run this installation any more; make another one an operator first."""


class UploadIncomplete(
    Conflict, code="upload_incomplete", title="The upload is not complete", example={"missing_parts": [3, 4]}
):
    """Not all bytes are in the store yet."""


class LimitReached(Conflict, code="limit_reached", title="There are as many as there may be", example={"limit": 20}):
    """There are as many of these as one account, or one public link, may have; remove one first. `limit` says how many that
    are.
    """


class CursorExpired(Gone, code="cursor_expired", title="The cursor is too old"):
    """The feed no longer reaches back that far; list again and compare."""


class EventsForgotten(
    Gone, code="events_forgotten", title="What was told is no longer known that far back", example={"oldest_sequence": 1042}
):
    """What a subscription was told is kept for a while only. `oldest_sequence` is the first that is still known: go on from the
    one before it, and list afresh what may have changed meanwhile.
    """


class LinkExpired(Gone, code="link_expired", title="The link has expired"):
    """The link, public or in a mail, had an end and has passed it. One in a mail also ends by use and by a newer one."""


class LinkExhausted(Gone, code="link_exhausted", title="The link is used up"):
    """The public link's number of downloads is used up."""


class UploadExpired(Gone, code="upload_expired", title="The upload has expired"):
    """The upload session has passed its deadline; start a new one."""


class PreconditionFailed(
    Problem, code="precondition_failed", status=412, title="It has changed meanwhile", example={"current_etag": _ETAG}
):
    """`If-Match` or `If-None-Match` does not hold; `current_etag` is what stands now (RFC 9110 section 15.5.13)."""


class TooLarge(Problem, code="too_large", status=413, title="Too large", example={"limit": 1_048_576}):
    """The body is larger than this route takes; `limit` in bytes."""


class UnsupportedMediaType(
    Problem,
    code="unsupported_media_type",
    status=415,
    title="The media type is not supported",
    example={"supported": ["application/json"]},
):
    """The body's `Content-Type` is not one this route reads."""


class RangeInvalid(Problem, code="range_invalid", status=416, title="The range lies outside the content"):
    """The byte range lies outside the content."""


class ValidationFailed(Unprocessable, code="validation_failed", title="The request breaks a rule"):
    """One or more values break the schema; `errors` points at each."""


class NameInvalid(Unprocessable, code="name_invalid", title="The name cannot be used", example={"reason": "too_long"}):
    """The name cannot be used; `reason` says which rule it breaks."""


class PasswordWeak(Unprocessable, code="password_weak", title="The password is too weak", example={"reason": "common"}):
    """The password is too short, too common, or contains the user's name."""


class IdempotencyKeyReuse(
    Unprocessable, code="idempotency_key_reuse", title="The Idempotency-Key was used for another request"
):
    """The same `Idempotency-Key` came with another body."""


class ChecksumMismatch(Unprocessable, code="checksum_mismatch", title="The checksum does not match"):
    """The stored bytes have another checksum than announced."""


class SizeMismatch(
    Unprocessable,
    code="size_mismatch",
    title="The size does not match",
    example={"expected": 1_048_576, "actual": 1_048_000},
):
    """The stored bytes are more or fewer than announced; sizes in bytes."""


class Locked(
    Problem,
    code="locked",
    status=423,
    title="The item is locked",
    example={"lock": {"holder_id": _ID, "expires_at": "2026-11-20T10:15:00.000Z"}},
):
    """Someone holds a lock on the item."""


class BatchUndone(Problem, code="batch_undone", status=424, title="Undone with the rest of the batch"):
    """The operation stood in a batch that is all or nothing, and another one of it failed: nothing was done."""


class PreconditionRequired(Problem, code="precondition_required", status=428, title="If-Match is required"):
    """Such a write must carry `If-Match`, so that nobody's change is lost (RFC 6585 section 3)."""


class Internal(Problem, code="internal", status=500, title="Something went wrong"):
    """A fault of Coffer. The cause is in the log under the request id, never in the answer."""


class IdempotencyInProgress(Temporary, code="idempotency_in_progress", status=409, title="The first request is still running"):
    """The first request with this `Idempotency-Key` is still running."""


class RateLimited(
    Temporary, code="rate_limited", status=429, title="Too many requests", example={"violated-policies": ["default"]}
):
    """Too many requests under the policies named; `Retry-After` says when the next one is allowed."""


class TooManyAttempts(Temporary, code="too_many_attempts", status=429, title="Too many attempts"):
    """Too many failed attempts to sign in or unlock; the wait grows."""


class DependencyFailed(Temporary, code="dependency_failed", status=502, title="Something Coffer depends on has failed"):
    """The object store, broker or database answered with an error."""


class Unavailable(Temporary, code="unavailable", status=503, title="Not available at this moment"):
    """The service cannot answer at this moment: starting, draining, or without its store."""


class Maintenance(Temporary, code="maintenance", status=503, title="Down for maintenance"):
    """An operator has announced maintenance."""


class Timeout(Temporary, code="timeout", status=504, title="Not ready in time"):
    """The answer was not ready in time; whether it took effect is unknown without an idempotency key."""
