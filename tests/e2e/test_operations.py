"""What an operator does to it: stop, start again, kill, run two side by side, start it where it cannot run."""

import concurrent.futures
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from coffer_media_worker.app import TOPOLOGY
from factories import images
from factories.people import Person
from factories.processes import words_of
from factories.roles import Queues
from factories.stacks import STOP_SECONDS, LocalStack, local_stack, unstarted_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HIDDEN_SECONDS = 5
"""Shorter than in life: how long it takes until what a killed worker held comes back."""


@pytest.fixture(scope="module")
def ours() -> Iterator[LocalStack]:
    """A stack that the tests of this file may stop and kill, each with people of its own."""
    with local_stack() as stack:
        yield stack


@pytest.fixture
def stack(ours: LocalStack) -> Iterator[LocalStack]:
    """That stack, running and left whole: one that a test leaves half dead is started anew."""
    yield ours
    family = ours.family()
    if not family or any(process.status() == psutil.STATUS_STOPPED for process in family):
        ours.kill_everything()
        ours.start()


def test_a_stop_is_quick_and_the_next_start_finds_everything(stack: LocalStack) -> None:
    ana = Person.at(stack.url)
    upload = ana.upload("kept.jpg", images.jpeg(640, 480), mime_type="image/jpeg")
    ana.previewed(upload["item_id"])
    assert stack.stop() < STOP_SECONDS
    stack.start()
    ana.http.headers.pop("Authorization")
    ana.http.base_url = stack.url
    ana.sign_in()
    (item,) = ana.children(include="thumbnail")
    assert (item["name"], item["preview"]["status"]) == ("kept.jpg", "ready")
    assert ana.upload("more.jpg", images.jpeg(640, 480), mime_type="image/jpeg")["state"] == "committed"


def test_a_job_that_hangs_does_not_hold_up_a_stop(stack: LocalStack) -> None:
    photo = images.jpeg(640, 480)
    ana = Person.at(stack.url)
    stack.child("coffer_media_worker.child").suspend()
    upload = ana.upload("stuck.jpg", photo, mime_type="image/jpeg")
    assert stack.stop() < STOP_SECONDS
    stack.start()
    ana.http.base_url = stack.url
    ana.sign_in()
    # Its message was in hand, so it comes back when the visibility of its lane has run out.
    assert ana.get(f"/v1/items/{upload['item_id']}")["preview"]["status"] in {"pending", "ready"}


def test_everything_killed_in_the_middle_of_ten_uploads_loses_none(stack: LocalStack) -> None:
    photos = [images.jpeg(640, 480, seed=number) for number in range(10)]
    ana = Person.at(stack.url)
    started = [ana.announce(f"photo-{number}.jpg", len(photo), mime_type="image/jpeg") for number, photo in enumerate(photos)]
    # All bytes are acknowledged by the bucket, and the kill comes while they are on their way through the services.
    with concurrent.futures.ThreadPoolExecutor(5) as clients:
        sent = list(clients.map(ana.send, started, photos))
    assert {answer.status_code for answer in sent} == {200}
    stack.kill_everything()

    stack.start()
    ana.sign_in()
    ends = [ana.finished(upload["id"], within_seconds=100) for upload in started]
    assert {end["state"] for end in ends} == {"committed"}, ends
    previews = [ana.previewed(end["item_id"], within_seconds=100)["preview"]["status"] for end in ends]
    assert set(previews) == {"ready"}
    assert sorted(item["name"] for item in ana.children()) == sorted(f"photo-{number}.jpg" for number in range(10))
    assert ana.get("/v1/usage")["used"] == sum(map(len, photos))


def test_a_worker_killed_in_mid_job_delays_the_preview_and_loses_nothing() -> None:
    with local_stack(without=("media-worker",)) as stack:
        worker = stack.start_service("coffer_media_worker")
        ana = Person.at(stack.url)
        ana.upload("warm.jpg", images.jpeg(320, 240), mime_type="image/jpeg")
        queues, lanes = Queues(stack), TOPOLOGY.lanes
        queues.hide_for(HIDDEN_SECONDS, *(lane.queue for lane in lanes))
        photo = images.twelve_megapixels()
        started = [ana.announce(f"large-{number}.jpg", len(photo), mime_type="image/jpeg") for number in range(4)]
        for upload in started:
            assert ana.send(upload, photo).status_code == 200
        deadline = time.monotonic() + 60
        while not _renders(worker.pid):
            assert time.monotonic() < deadline, "no job was ever seen"
        for process in (psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        worker.wait(STOP_SECONDS)
        # The next one may take its time: what it holds is hidden for as long as in life.
        for lane in lanes:
            queues.hide_for(lane.visibility_seconds, lane.queue)
        stack.start_service("coffer_media_worker")
        # What the dead worker held comes back once it is no longer hidden.
        for upload in started:
            end = ana.finished(upload["id"], within_seconds=110)
            assert end["state"] == "committed"
            assert ana.previewed(end["item_id"], within_seconds=110)["preview"]["status"] == "ready"


def _renders(worker: int) -> bool:
    """Whether a rendering process, a grandchild of the worker, is there."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(child.children() for child in psutil.Process(worker).children())
    return False


@pytest.mark.parametrize("marks", [("postgres",), ("launch_ministack",), ("postgres", "launch_ministack")])
def test_parts_that_die_come_back_by_themselves(stack: LocalStack, marks: tuple[str, ...]) -> None:
    ana = Person.at(stack.url)
    ana.upload("before.jpg", images.jpeg(320, 240), mime_type="image/jpeg")
    photos = [images.jpeg(640, 480, seed=number) for number in range(5)]
    started = [ana.announce(f"{number}.jpg", len(photo), mime_type="image/jpeg") for number, photo in enumerate(photos)]
    for upload, photo in zip(started, photos, strict=True):
        assert ana.send(upload, photo).status_code == 200
    family = sorted(stack.family(), key=lambda process: process.create_time())
    for victim in [next(p for p in family if mark in words_of(p.pid)) for mark in marks]:
        victim.kill()
    ends = [_finished_at_last(ana, upload["id"]) for upload in started]
    assert {end["state"] for end in ends} == {"committed"}
    assert {_previewed_at_last(ana, end["item_id"]) for end in ends} == {"ready"}
    # Every pooled connection of before is dead, and none of them may be handed out twice.
    assert [len(ana.children()) for _ in range(30)] == [6] * 30


def _finished_at_last(ana: Person, upload_id: str) -> dict[str, object]:
    return ana.wait_for(
        lambda: _calmly(ana, f"/v1/uploads/{upload_id}"), lambda upload: upload.get("state") == "committed", within_seconds=100
    )


def _previewed_at_last(ana: Person, item_id: object) -> str:
    item = ana.wait_for(
        lambda: _calmly(ana, f"/v1/items/{item_id}"),
        lambda item: item.get("preview", {}).get("status") in {"ready", "failed"},
        within_seconds=100,
    )
    return str(item["preview"]["status"])


def _calmly(ana: Person, path: str) -> dict[str, object]:
    """The answer, or nothing while a part is away: 503 and the like are what a client must live with then."""
    answer = ana.http.get(path)
    assert answer.status_code in {200, 502, 503}, answer.text
    return answer.json() if answer.status_code == 200 else {}


def test_two_stacks_run_side_by_side(stack: LocalStack) -> None:
    with local_stack() as two:
        ana, ben = Person.at(stack.url, "ana"), Person.at(two.url, "ana")
        assert ana.upload("a.jpg", images.jpeg(320, 240), mime_type="image/jpeg")["state"] == "committed"
        assert [item["name"] for item in ana.children()] == ["a.jpg"]
        assert ben.children() == []


def refusal(environment: dict[str, str]) -> str:
    """What a start that must fail says."""
    run = subprocess.run(
        [sys.executable, "-m", "coffer_local"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("Coffer:")]
    return line


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stack = LocalStack(tmp_path / "home", port=taken.getsockname()[1])
        said = refusal(stack.environment)
    assert str(stack.port) in said
    assert "COFFER_PORT" in said


def test_a_data_folder_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refusal(LocalStack(tmp_path / "file" / "home").environment)
    assert "COFFER_HOME" in said


def test_a_second_stack_on_the_same_folder_is_refused_in_one_clear_sentence(stack: LocalStack) -> None:
    other = LocalStack(stack.home)
    assert str(stack.home) in refusal(other.environment)


def test_ctrl_c_at_make_run_stops_everything() -> None:
    root = Path(__file__).parents[2]
    with unstarted_stack() as stack:
        with subprocess.Popen(
            ["make", "run"],
            cwd=root,
            env=stack.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "Coffer is running" in line:
                    break
            family = psutil.Process(process.pid).children(recursive=True)
            assert len(family) >= 3
            began = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()
            process.wait(STOP_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive
        assert time.monotonic() - began < STOP_SECONDS
