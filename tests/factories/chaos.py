"""Clients that live through crashes, and the crashes: a plan of uploads from a seed, carried out by patient people."""

import contextlib
import random
import time
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import httpx
import psutil

from factories import images
from factories.people import Person
from factories.stacks import LocalStack

Course = Literal["plain", "twice", "silent", "abort", "abort late", "unsent"]
Victim = Literal["postgres", "ministack", "main", "everything", "postgres and ministack"]

PATIENCE_SECONDS = 90
_COURSES: tuple[Course, ...] = (
    "plain",
    "plain",
    "plain",
    "plain",
    "twice",
    "silent",
    "silent",
    "abort",
    "abort late",
    "unsent",
)


@dataclass
class Planned:
    """One upload: what is sent, how its client behaves, and what became of it."""

    person: Person
    name: str
    content: bytes
    conflict: str
    course: Course
    key: str
    pause_seconds: float
    id: str | None = None
    sent: bool = False
    refused: str | None = None

    @property
    def is_picture(self) -> bool:
        """Whether a preview is to be made of it."""
        return self.name.endswith(".jpg")


def plan(dice: random.Random, people: list[Person], count: int, within_seconds: float) -> list[Planned]:
    """`count` uploads in random order with few names, so that many clash."""
    pictures = [images.jpeg(160 + 16 * number, 120, seed=number) for number in range(12)]
    planned = []
    for _ in range(count):
        is_picture = dice.random() < 0.6
        stem = f"file {dice.randrange(25)}"
        # A tail makes every content its own, so that a mixed-up download is seen; decoders stop at the end mark.
        content = dice.choice(pictures) + dice.randbytes(8) if is_picture else dice.randbytes(dice.randrange(1, 2000))
        planned.append(
            Planned(
                person=dice.choice(people),
                name=f"{stem}.jpg" if is_picture else f"{stem}.bin",
                content=content,
                conflict=dice.choice(["fail", "replace", "rename"]),
                course=dice.choice(_COURSES),
                key=str(UUID(int=dice.getrandbits(128))),
                pause_seconds=dice.uniform(0, within_seconds * 6 / count),
            )
        )
    return planned


def ask(person: Person, method: str, path: str, **request: Any) -> httpx.Response:
    """The first answer that is neither a broken connection nor a server's trouble. Raises AssertionError if none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last: object = None
    while time.monotonic() < deadline:
        try:
            answer = person.http.request(method, path, **request)
            if answer.status_code == 401:
                person.sign_in()
            elif answer.status_code < 500 and "idempotency_in_progress" not in answer.text:
                return answer
            last = answer.text
        except (httpx.TransportError, AssertionError) as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{method} {path} was never answered: {last!r}")


def carry_out(upload: Planned) -> None:
    """Announce, send, complete or not, as planned, whatever is killed meanwhile."""
    time.sleep(upload.pause_seconds)
    body = {"parent_id": "root", "name": upload.name, "size": len(upload.content), "conflict": upload.conflict}
    started = ask(upload.person, "POST", "/v1/uploads", json=body, headers={"Idempotency-Key": upload.key})
    if started.status_code == 409:
        upload.refused = started.json()["code"]
        return
    assert started.status_code == 201, started.text
    upload.id = started.json()["id"]
    path = f"/v1/uploads/{upload.id}"
    if upload.course == "abort":
        assert ask(upload.person, "DELETE", path).status_code == 204
    if upload.course in {"abort", "unsent"}:
        return
    _send(upload, started.json())
    if upload.course == "abort late":
        assert ask(upload.person, "DELETE", path).status_code in {204, 409}
    for _ in range({"plain": 1, "twice": 2}.get(upload.course, 0)):
        answer = ask(upload.person, "POST", f"{path}/complete", json={})
        # Refused when it has become a conflict, which is an end like others.
        assert answer.status_code in {200, 202, 409}, answer.text


def _send(upload: Planned, seen: dict[str, Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while seen["state"] == "created":
        with contextlib.suppress(httpx.TransportError):
            # 412 says that an attempt whose answer was lost had arrived.
            if Person.send(seen, upload.content).status_code in {200, 412}:
                break
        assert time.monotonic() < deadline, f"{upload} could not be sent"
        time.sleep(0.1)
        # After a restart the bucket may have another address.
        seen = ask(upload.person, "GET", f"/v1/uploads/{upload.id}").json()
    upload.sent = True


def strike(stack: LocalStack, victim: Victim) -> None:
    """SIGKILL, and a start by hand where nobody is left to do it."""
    if victim == "everything":
        stack.kill_everything()
        stack.start()
    elif victim == "main":
        assert stack.process is not None
        stack.process.kill()
        stack.process.wait(10)
        stack.start()
    else:
        for process in [_oldest(stack, mark) for mark in ("postgres", "launch_ministack") if mark.rpartition("_")[2] in victim]:
            if process is not None:
                process.kill()


def _oldest(stack: LocalStack, mark: str) -> psutil.Process | None:
    """The first process with the mark in its command line; None while it is being brought back."""
    found = []
    for process in stack.family():
        with contextlib.suppress(psutil.NoSuchProcess):
            if mark in " ".join(process.cmdline()[:3]):
                found.append(process)
    return min(found, key=lambda process: process.create_time(), default=None)
