"""What the page on live streams says is so: its client runs and comes back, its tables and numbers are those of the code."""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import get_args

import pytest

from coffer_chassis import metrics
from coffer_chassis.testing import eventually
from coffer_notifier.handlers.telling import TOPICS
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.stream import hub
from coffer_notifier.stream.connection import BUFFER_BYTES, NOT_YET, End
from factories.notifier import notifier_on
from factories.streams import api_process, tell
from factories.telling import user_id

PAGE = (Path(__file__).parents[3] / "docs" / "streams.md").read_text(encoding="utf-8")
RUNNING = PAGE.partition("## Running it")[2]


@contextmanager
def client_of_the_page(folder: Path, address: str, token: str) -> Iterator[Queue[str]]:
    """The client that the page shows, running, as anybody would run it; what it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = folder / "client.py"
    program.write_text(code)
    environment = {**os.environ, "COFFER_URL": address, "COFFER_TOKEN": token}
    process = subprocess.Popen([sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said: Queue[str] = Queue()

    def read(lines: Iterator[str]) -> None:
        for line in lines:
            said.put(line.rstrip("\n"))

    reading = threading.Thread(target=read, args=(iter(process.stdout),))
    reading.start()
    try:
        yield said
    finally:
        process.kill()
        process.wait()
        reading.join()
        process.stdout.close()


@pytest.mark.slow
async def test_the_client_of_the_page_hears_everything_also_what_happens_while_it_is_cut_off(
    store_url_of_notifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RETRY_MILLISECONDS", (100, 200))
    ann = user_id()
    async with notifier_on(store_url_of_notifier) as notifier, api_process(notifier) as address:
        with client_of_the_page(tmp_path, address, ann) as said:

            async def listening() -> bool:
                return [one.end for one in notifier.hub._all() if one.after is not NOT_YET] == [None]

            await eventually(listening, within_seconds=60)
            await tell(notifier, ann, 1)
            assert await asyncio.to_thread(said.get, timeout=60) == 'upload {"n":1}'
            for connection in notifier.hub._all():
                connection.close("slow")
            await tell(notifier, ann, 2)
            assert await asyncio.to_thread(said.get, timeout=60) == 'upload {"n":2}'
            await eventually(listening, within_seconds=60)
            await tell(notifier, ann, 3)
            assert await asyncio.to_thread(said.get, timeout=60) == 'upload {"n":3}'
            assert said.empty()


def test_the_page_names_every_topic() -> None:
    rows = [line.split("|")[1].strip().strip("`") for line in PAGE.splitlines() if line.startswith("| `")]
    assert list(dict.fromkeys(rows)) == list(TOPICS)


def test_the_page_names_every_metric_of_streams_and_every_end() -> None:
    known = {definition.name for definition in metrics.definitions if definition.name.startswith("coffer_sse_")}
    assert set(re.findall(r"coffer_sse_[a-z_]+", RUNNING)) == known
    assert {end for end in get_args(End) if f"`{end}`" not in RUNNING} == set()


FIELDS = NotifierSettings.model_fields


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("every 20 seconds", hub.BEAT_SECONDS == 20),
        ("more than 500 events", hub.MOST_RESUMED == 500),
        ("256 KiB", BUFFER_BYTES == 256 * 1024),
        ("a poll of one second", hub.POLL_SECONDS == 1),
        ("older than a day", FIELDS["stream_keep_hours"].default == 24),
        ("`COFFER_NOTIFIER_STREAMS_PER_USER` (5)", FIELDS["streams_per_user"].default == 5),
        ("`COFFER_NOTIFIER_STREAMS_PER_PROCESS` (2,000)", FIELDS["streams_per_process"].default == 2000),
    ],
)
def test_the_page_says_what_holds(said: str, meant: bool) -> None:
    assert said in PAGE
    assert meant
