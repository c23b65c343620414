"""A media worker's previews in a process of their own, on a real store, a real bucket and real rendering processes, that dies
where it is told to.

A program for test_crashes: settings as JSON on standard input. `death` is `write:<n>`, right after the n-th object was written;
`commit:<n>`, right before the n-th transaction that tells of a preview is committed; `told:<n>`, right after it; or nothing. It
ends when nothing is in line.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from itertools import count
from typing import Any, NoReturn

from pydantic import SecretStr
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_media_worker.children import Children
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.store import tables
from factories.children import PATIENT


def die() -> NoReturn:
    """As the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def mortal_writes(blobs: Any, number: int) -> None:
    """Let the process die when so many objects were written."""
    write, written = blobs.write, count(1)

    async def mortal(*given: Any, **options: Any) -> Any:
        answer = await write(*given, **options)
        if next(written) == number:
            die()
        return answer

    blobs.write = mortal


def mortal_commits(engine: AsyncEngine, number: int, *, after: bool) -> None:
    """Let the process die around the commit of the transaction that tells for the so-manieth time."""
    telling = count(1)

    @sqlalchemy_event.listens_for(engine.sync_engine, "before_cursor_execute")
    def remember(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO outbox") and next(telling) == number:
            connection.info["telling"] = True

    @sqlalchemy_event.listens_for(engine.sync_engine, "commit")
    def before(connection: Any) -> None:
        if connection.info.get("telling") and not after:
            die()

    @sqlalchemy_event.listens_for(engine.sync_engine.pool, "reset")
    def returned(_connection: Any, record: Any, *_: Any) -> None:
        if record.info.get("telling") and after:
            die()


async def main() -> None:
    """Make what is in line, or die over it."""
    settings = json.loads(sys.stdin.readline())
    access = AwsAccess(
        endpoint_url=settings["endpoint"],
        access_key_id=settings["key"][0],
        secret_access_key=SecretStr(settings["key"][1]),
    )
    where, _, number = (settings["death"] or "").partition(":")
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(open_clients(access, receivers=1, wait_seconds=1))
        presigner = Presigner(settings["endpoint"], access.region)
        blobs = S3Blobs(
            clients.s3, bucket=settings["bucket"], presigner=presigner, clock=clock, credentials=lambda: SigningKey("", "")
        )
        engine = create_async_engine(settings["database"])
        stack.push_async_callback(engine.dispose)
        children = Children(2, PATIENT)
        stack.push_async_callback(children.stop)
        if where == "write":
            mortal_writes(blobs, int(number))
        elif where:
            mortal_commits(engine, int(number), after=where == "told")
        work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
        deps = Deps(work=work, blobs=blobs, children=children, label=None, denied=DenyList(work, tables.revocations))
        await asyncio.gather(*(make_previews(deps) for _ in range(2)))


if __name__ == "__main__":
    asyncio.run(main())
