"""Runs ministack as Coffer's local cloud, fenced in: `python -m coffer_local.launch_ministack`, settings on stdin.

ministack trusts whoever reaches it: its admin paths need no credentials, and its root key (`test`, any twelve digits)
is accepted without a signature. Here admin paths need a secret of this start, root is closed, requests without
credentials are refused except those that S3 itself signs or answers without any, and the only users are those given.
Which users there are and what they may do is the caller's business.
"""

import asyncio
import fcntl
import hmac
import json
import logging
import os
import resource
import secrets
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

from coffer_local.long_polls import shorten_polls

ADMIN_HEADER = "x-coffer-admin"
_SERVICES = frozenset({"s3", "sqs", "sns", "ses", "secretsmanager", "iam", "sts"})
# First path segments that ministack answers before it looks at any credentials.
_CLOSED = frozenset({"health", "oauth2", "login", "logout", "saml2", "iceberg", "v20180820", "WriteGetObjectResponse"})
log = logging.getLogger(__name__)

_LOCK_SECONDS = 10.0
_STOP_SECONDS = 1.0

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Fence:
    """The ASGI application in front of ministack's; everything it does not let through is 403."""

    def __init__(
        self,
        app: App,
        access_key_id: Callable[[Mapping[str, str], Mapping[str, list[str]]], str],
        bucket_and_key: Callable[[str, str], object | None],
        keys: frozenset[str],
        admin_header: str,
    ) -> None:
        """`access_key_id` and `bucket_and_key` are ministack's own reading, so that both always see the same request."""
        self._app = app
        self._access_key_id = access_key_id
        self._bucket_and_key = bucket_and_key
        self._keys = keys
        self._admin_header = admin_header.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse; the lifespan always passes."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and self._admits(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(scope, send)

    def _admits(self, scope: Scope) -> bool:
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        first, _, rest = scope["path"].lstrip("/").partition("/")
        if first.startswith("_") or first in _CLOSED:
            given = headers.get(ADMIN_HEADER, "").encode()
            return first in {"_ministack", "health"} and hmac.compare_digest(given, self._admin_header)
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "OPTIONS":
            # Preflights carry no credentials; a bucket answers by its own CORS rules, everything else would say yes.
            known = self._bucket_and_key(headers.get("host", ""), scope["path"]) is not None
            return known and "access-control-request-method" in headers
        key_id = self._access_key_id(headers, query)
        if not key_id and "authorization" not in headers and not any(name.lower().startswith("x-amz") for name in query):
            # A signed form carries its credentials in the body, where S3 checks them.
            is_form = headers.get("content-type", "").lower().startswith("multipart/form-data")
            return scope["method"] == "POST" and is_form and bool(first) and not rest
        return key_id in self._keys


async def _refuse(scope: Scope, send: Send) -> None:
    kind = next((value for name, value in scope["headers"] if name.lower() == b"content-type"), b"")
    if b"json" in kind:
        body = b'{"__type":"AccessDeniedException","message":"Refused before the local cloud."}'
        kind = b"application/x-amz-json-1.0"
    else:
        error = b"<Error><Code>AccessDenied</Code><Message>Refused before the local cloud.</Message></Error>"
        body = b"<ErrorResponse>" + error + b"</ErrorResponse>" if b"urlencoded" in kind else error
        kind = b"application/xml"
    length = str(len(body)).encode()
    # Without keep-alive: the body of a refused request is not read.
    headers = [(b"content-type", kind), (b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def close_root(evaluator: ModuleType) -> None:
    """Make ministack's root keys unknown keys; without the function that knows them, refuse to run at all."""
    if getattr(evaluator, "is_root_access_key", None) is None:
        raise RuntimeError("this ministack decides differently who is root: Coffer does not know how to close it")
    # A request without any key stays what it was: anonymous, which S3 judges by its bucket policies.
    evaluator.is_root_access_key = lambda access_key_id: not access_key_id  # type: ignore[attr-defined]  # as above


def make_users(iam: ModuleType, users: list[dict[str, Any]]) -> None:
    """Make exactly these users, each with the given key and policy; the API would choose keys itself."""
    for user in users:
        name, policy = user["name"], json.dumps(user["policy"])
        for answer in (
            iam._create_user({"UserName": name}),  # noqa: SLF001  # the API makes keys of its own choice only
            iam._put_user_policy({"UserName": name, "PolicyName": "coffer", "PolicyDocument": policy}),  # noqa: SLF001
        ):
            if answer[0] != 200:
                raise RuntimeError(f"ministack refused the user {name}: {answer[2]!r}")
        iam._access_keys[user["key_id"]] = {  # noqa: SLF001  # as above
            "UserName": name,
            "AccessKeyId": user["key_id"],
            "SecretAccessKey": user["secret"],
            "Status": "Active",
            "CreateDate": "2026-01-01T00:00:00Z",
        }


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """What ministack reads while it is imported."""
    folder = Path(settings["folder"])
    return {
        "AUTH": "true",
        "BIND_HOST": settings["host"],
        # Stands in the stored addresses of queues, so it must outlive the port; clients see the host they called.
        "GATEWAY_PORT": "4566",
        "MINISTACK_REGION": settings["region"],
        "SERVICES": ",".join(sorted(_SERVICES)),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # It removes containers that carry its label, whoever started them: let it find no Docker.
        "DOCKER_HOST": "unix:///dev/null/none",
        "LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": secrets.token_hex(16),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32),
    }


def main() -> None:
    """Read one line of JSON settings from stdin and serve until SIGTERM; when stdin ends the parent is gone."""
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(settings["folder"])
    lock = _lock(folder)
    os.environ.update(environment(settings))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    from hypercorn.asyncio import serve  # noqa: PLC0415  # these read the environment set above
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack import app as ministack  # noqa: PLC0415
    from ministack.core import iam_evaluator  # noqa: PLC0415

    close_root(iam_evaluator)
    from ministack.services import iam, sns, sqs  # noqa: F401, PLC0415  # loaded now, so that they are always saved

    pauses = shorten_polls(sqs)
    if pauses is None:
        log.warning("queues of this ministack look different: messages wait up to 100 ms for a reader")
    ministack._collect_scripts = lambda *_: []  # noqa: SLF001  # would run scripts found in folders of this machine

    async def prepared(scope: Scope, receive: Receive, send: Send) -> None:
        async def after_load(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                try:
                    make_users(iam, settings["users"])
                except RuntimeError as error:
                    # An exception would let the server go on, with nobody able to enter.
                    message = {"type": "lifespan.startup.failed", "message": str(error)}
            await send(message)

        await ministack.app(scope, receive, after_load if scope["type"] == "lifespan" else send)

    keys = frozenset(user["key_id"] for user in settings["users"])
    reading = (ministack.extract_access_key_id, ministack._s3_cors_target)  # noqa: SLF001  # tells buckets from the rest
    fence = Fence(prepared, *reading, keys, settings["admin_header"])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    config = Config()
    config.bind = [f"{settings['host']}:{settings['port']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _STOP_SECONDS
    config.loglevel = "WARNING"

    async def stopped() -> None:
        asked = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, asked.set)
        await asked.wait()
        if pauses is not None:
            pauses.ended = True
            pauses.ring()
            logging.getLogger("ministack").addFilter(_not_of_our_making)

    asyncio.run(serve(fence, config, shutdown_trigger=stopped, mode="asgi"))  # type: ignore[arg-type]  # hypercorn's scope types are narrower
    os.close(lock)


def _not_of_our_making(record: logging.LogRecord) -> bool:
    """Whether a log record is about anything but a poll that was cut short by the stop."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionAbortedError))


def _lock(folder: Path) -> int:
    """Hold the folder: an earlier local cloud that is still ending must not write into what this one reads."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > deadline:
                sys.exit(f"an earlier local cloud still runs in {folder}")
            sleep(0.02)
        else:
            return handle


def _end_with_parent() -> None:
    while sys.stdin.read(65536):
        pass
    os._exit(3)  # at once: state saved now would be younger than the parent's knowledge of it


if __name__ == "__main__":
    main()
