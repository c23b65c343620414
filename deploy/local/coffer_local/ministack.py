"""The local cloud of one data folder: S3, SNS, SQS, SES and Secrets Manager, by ministack in a fenced child process.

Buckets, topics and queues are not made here, nor is it decided who may use them: provisioning does that.
"""

import asyncio
import http.client
import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coffer_local.credentials import AccessKey
from coffer_local.home import Home, StartError, sync
from coffer_local.launch_ministack import ADMIN_HEADER
from coffer_local.ports import check_port, free_port
from coffer_local.supervisor import Child, Program

_PORT_ATTEMPTS = 3
_ALWAYS_SAVED = ("s3.json", "sns.json", "sqs.json")
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class CloudUser:
    """A user of the local cloud with its one key and its one IAM policy document."""

    name: str
    key: AccessKey
    policy: Mapping[str, Any]


class LocalCloud:
    """One local cloud; `start` and `stop` belong to one owner.

    Objects are on disk at once. Topics, queues, messages, bucket settings and secrets are on disk only after a stop in
    order, and are used once: the files are deleted as soon as they were read, so no later crash can bring back the past.
    """

    def __init__(
        self,
        home: Home,
        users: Sequence[CloudUser],
        admin_header: str,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        region: str = "us-east-1",
        on_restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Without a port a free one is chosen at each start.

        `on_restart` runs after the process died unasked and is back without topics, queues and bucket settings: the
        owner provisions again and raises the broker epoch.
        """
        self._folder = home.cloud
        self._log = home.run / "cloud.log"
        self._users = tuple(users)
        self._admin_header = admin_header
        self._host = host
        self._port_wanted = port
        self._region = region
        self.port = port or 0
        self.kept_state = False
        """Whether this start found topics, queues and messages as the last stop left them."""
        self._child = Child(self._program, prepare=self._prepare, on_restart=on_restart)
        self._keep = False

    @property
    def endpoint(self) -> str:
        """For `AWS_ENDPOINT_URL`; address buckets by path, not by host name."""
        return f"http://{self._host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    async def start(self, *, keep_state: bool) -> None:
        """Start and wait until it answers and the fence is proven; raises StartError, in one sentence for the user.

        `keep_state` says that the last stop was clean; else everything but objects is discarded first.
        """
        if self._port_wanted:
            check_port(self._host, self._port_wanted, port_setting="the port of the local cloud")
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            self.port = self._port_wanted or free_port(self._host)
            self._keep = keep_state
            try:
                await self._child.start()
            except StartError as error:
                # Between choosing a port and using it another program may have taken it.
                if self._port_wanted or not attempts_left or "address already in use" not in str(error).lower():
                    raise
            else:
                break
        try:
            await self._prove_fence()
        except BaseException:
            await self._child.stop()
            raise

    async def stop(self) -> bool:
        """Save and end; true when everything is on disk for the next start. May run twice."""
        in_order = await self._child.stop()
        return in_order and await asyncio.to_thread(self._settle)

    async def ses_messages(self) -> list[dict[str, Any]]:
        """E-mails sent through SES since the start, oldest first, of all accounts."""
        status, body = await self._ask("/_ministack/ses/messages", {ADMIN_HEADER: self._admin_header})
        if status != 200:
            raise ConnectionError(f"the local cloud answered {status}")
        return [message for messages in json.loads(body)["messages"].values() for message in messages]

    def _program(self) -> Program:
        users = [
            {"name": user.name, "key_id": user.key.key_id, "secret": user.key.secret, "policy": user.policy}
            for user in self._users
        ]
        settings = {
            "folder": str(self._folder),
            "host": self._host,
            "port": self.port,
            "region": self._region,
            "admin_header": self._admin_header,
            "users": users,
        }
        return Program(
            name="The local cloud",
            argv=[sys.executable, "-m", "coffer_local.launch_ministack"],
            # The folder is the current one, and nothing in it may be taken for a module.
            env={"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"},
            stdin=json.dumps(settings).encode() + b"\n",
            log=self._log,
            ready=self._is_ready,
            cwd=self._folder,
        )

    async def _prepare(self) -> None:
        keep, self._keep = self._keep, False  # kept once: whoever is started after a crash begins without it
        self.kept_state = await asyncio.to_thread(self._clear, keep=keep)

    def _clear(self, *, keep: bool) -> bool:
        state = self._folder / "state"
        if keep and all((state / name).exists() for name in _ALWAYS_SAVED):
            return True
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(mode=0o700)
        return False

    async def _is_ready(self, _pid: int) -> bool:
        try:
            status, _ = await self._ask("/_ministack/health", {ADMIN_HEADER: self._admin_header})
        except (OSError, http.client.HTTPException):
            return False
        if status != 200:
            return False
        await asyncio.to_thread(self._clear, keep=False)
        return True

    async def _prove_fence(self) -> None:
        """Ask what must be refused; a ministack whose fence has a hole must not run for a second."""
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{date[:8]}/{self._region}/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        strangers = ("test", "0" * 12, *(user.key.key_id for user in self._users[:1]))
        attempts: list[tuple[str, dict[str, str]]] = [("/_ministack/health", {}), ("/_localstack/health", {}), ("/", {})]
        for key_id in strangers:
            forged = {"Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}", "X-Amz-Date": date}
            attempts.append(("/", forged))
        for path, headers in attempts:
            status, _ = await self._ask(path, headers)
            if status != 403:
                raise StartError(f"The local cloud let in a stranger (GET {path}: {status}): run make setup to repair it.")

    async def _ask(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        return await asyncio.to_thread(self._ask_now, path, headers)

    def _ask_now(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _settle(self) -> bool:
        """Put the saved state on disk for good."""
        state = self._folder / "state"
        if not all((state / name).exists() for name in _ALWAYS_SAVED):
            return False
        # Users and keys are given anew at each start: what is stored of them would be a second truth, and in the clear.
        for name in ("iam.json", "sts.json"):
            (state / name).unlink(missing_ok=True)
        for file in state.iterdir():
            sync(file)
        sync(state)
        return True
