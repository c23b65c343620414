"""Tells an outage of something Coffer stands on from a fault of ours: the same request may succeed in a moment."""

from asyncpg import CannotConnectNowError, InterfaceError, PostgresConnectionError
from asyncpg.exceptions import AdminShutdownError, CrashShutdownError, TooManyConnectionsError
from botocore.exceptions import BotoCoreError, ClientError
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
    InterfaceError,
    PoolTimeoutError,
    ConnectionError,
)


def outage_of(error: BaseException) -> Problem | None:
    """Unavailable while the store is away, DependencyFailed when the cloud failed; None for anything else."""
    if isinstance(error, DBAPIError):
        cause = error.orig
        driver = cause.__cause__ if cause is not None else None
        if error.connection_invalidated or isinstance(driver, _STORE) or isinstance(cause, _STORE):
            return Unavailable("The store cannot be reached at this moment.", retry_after_seconds=RETRY_SECONDS)
        return None
    if isinstance(error, _STORE):
        return Unavailable("The store cannot be reached at this moment.", retry_after_seconds=RETRY_SECONDS)
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status < 500:
            return None
    elif not isinstance(error, BotoCoreError):
        return None
    return DependencyFailed("The object store or the broker failed.", retry_after_seconds=RETRY_SECONDS)
