"""Tells an outage of something Coffer stands on from a fault of ours: the same request may succeed in a moment."""

from asyncpg import CannotConnectNowError, InterfaceError, InternalClientError, PostgresConnectionError
from asyncpg.exceptions import (
    AdminShutdownError,
    CrashShutdownError,
    DeadlockDetectedError,
    SerializationError,
    TooManyConnectionsError,
)
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from coffer_contracts.problems import DependencyFailed, Problem, Unavailable

RETRY_SECONDS = 1

_STORE = (
    PostgresConnectionError,
    CannotConnectNowError,
    AdminShutdownError,
    CrashShutdownError,
    TooManyConnectionsError,
    InternalClientError,  # what the driver stumbles over when a connection ends under it
    PoolTimeoutError,
    ConnectionError,
    TimeoutError,
)
_CROSSED = (DeadlockDetectedError, SerializationError)
"""Two transactions stood in each other's way, and PostgreSQL ended this one without effect."""

_TOO_MANY_REQUESTS = 429
_BUSY = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""What AWS says with a status of our fault although the same call may succeed in a moment (AWS SDKs guide, retry behavior);
credentials that ended are renewed by the SDK.
"""


def outage_of(error: BaseException) -> Problem | None:
    """Unavailable while the store is away, DependencyFailed when the cloud failed; None for anything else."""
    if isinstance(error, DBAPIError):
        cause = error.orig
        driver = cause.__cause__ if cause is not None else None
        if isinstance(driver, _CROSSED):
            return Unavailable("Another change was in the way at this moment.", retry_after_seconds=RETRY_SECONDS)
        if error.connection_invalidated or _is_away(driver) or _is_away(cause):
            return Unavailable("The store cannot be reached at this moment.", retry_after_seconds=RETRY_SECONDS)
        return None
    if _is_away(error):
        return Unavailable("The store cannot be reached at this moment.", retry_after_seconds=RETRY_SECONDS)
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status < 500 and status != _TOO_MANY_REQUESTS and error.response.get("Error", {}).get("Code") not in _BUSY:
            return None
    elif not isinstance(error, BotoCoreError) or isinstance(error, ParamValidationError):
        return None  # parameters are refused before anything is sent, and would be every time
    return DependencyFailed("The object store or the broker failed.", retry_after_seconds=RETRY_SECONDS)


def is_crossed(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction because another one stood in its way: the same one may succeed at once."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    return isinstance(error.orig.__cause__, _CROSSED)


def _is_away(error: BaseException | None) -> bool:
    # Its other texts and its subclasses tell of a use of the driver that is wrong.
    return isinstance(error, _STORE) or (type(error) is InterfaceError and "closed" in str(error))
