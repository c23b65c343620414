"""What the page for subscribers says is so: its receiver runs and verifies, its tables are those of the code."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from coffer_chassis.clock import SystemClock
from coffer_notifier.domain.outside import BODY_BYTES, OFFERED
from coffer_notifier.domain.webhooks import FAILING_FOR, HELD_FOR, SCHEDULE, SECRET_OVERLAP
from factories.notifier import notifier_on
from factories.ports import free_port
from factories.telling import drive, user_id

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")


@contextmanager
def receiver_of_the_page(folder: Path, secret: str, port: int) -> Iterator[Any]:
    """The receiver that the page shows, running, as anybody would run it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = folder / "receiver.py"
    program.write_text(code)
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "it did not start"
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_the_receiver_of_the_page_takes_what_is_genuine_and_nothing_else(
    store_url_of_notifier: str, tmp_path: Path
) -> None:
    ann, port = user_id(), free_port()
    fact = drive(ann).below("a.txt").committed()
    async with notifier_on(store_url_of_notifier, clock=SystemClock(), webhook_allow_loopback=True) as notifier:
        webhook = await notifier.webhook(ann, f"http://127.0.0.1:{port}/", "files.*")
        with receiver_of_the_page(tmp_path, webhook["secret"], port) as running:
            await notifier.handle(fact)
            await notifier.deliver_all()
            line = await asyncio.to_thread(running.stdout.readline)
            assert line.startswith(f'{fact.id} {{"type":"files.item.committed.v1"')
            headers = {"webhook-id": "x", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA v1a,BBBB"}
            async with httpx.AsyncClient() as forger:
                answer = await forger.post(f"http://127.0.0.1:{port}/", content=line.partition(" ")[2], headers=headers)
            assert answer.status_code == 400
        (row,) = await notifier.rows("SELECT state, last_status FROM webhook_deliveries WHERE event_id = :id", id=fact.id)
    assert (row.state, row.last_status) == ("delivered", 204)


def test_the_page_names_every_type_that_webhooks_may_ask_for_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_.]+\.v\d+)`", row.split("|")[1])}
    assert named == set(OFFERED)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("at once | 5 s | 5 min | 30 min | 2 h | 5 h | 10 h | 14 h | 20 h | 24 h", None),
        (f"below {BODY_BYTES:,} bytes", None),
        ("success for five days", timedelta(days=5) == FAILING_FOR),
        ("For seven days after that", timedelta(days=7) == HELD_FOR),
        ("for another 24 hours", timedelta(hours=24) == SECRET_OVERLAP),
        ("After the tenth", len(SCHEDULE) == 10),
    ],
)
def test_the_page_says_what_holds(said: str, meant: bool | None) -> None:
    assert said in PAGE
    assert meant in {None, True}


def test_the_schedule_of_the_page_is_the_schedule() -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| after |")]
    units = {"s": 1, "min": 60, "h": 3600}
    cells = [cell.strip().split(" ") for cell in row.split("|")[2:-1]]
    waits = [0 if cell == ["at", "once"] else int(cell[0]) * units[cell[1]] for cell in cells]
    assert waits == [wait.total_seconds() for wait in SCHEDULE]
