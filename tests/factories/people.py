"""A person at a client: signs up, makes folders, sends files to signed addresses. HTTP only, as any client would."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import uuid4

import httpx

PASSWORD = "correct horse battery staple 9"
END_STATES = ("committed", "conflict", "rejected", "failed", "expired", "aborted")
KNOWN_WITHIN_SECONDS = 30
_numbers = itertools.count(1)
_clients: list[httpx.Client] = []


def all_leave() -> None:
    """Close the clients of everybody made so far."""
    while _clients:
        _clients.pop().close()


def _is_unheard_of(answer: httpx.Response) -> bool:
    """Whether it was refused for nothing but an item or people that whoever answered does not know."""
    errors = answer.json()["errors"] if answer.status_code == 422 else []
    return answer.status_code == 404 or (bool(errors) and all(error["code"] == "unknown_person" for error in errors))


@dataclass
class Person:
    """One account and the HTTP client that is signed in to it."""

    http: httpx.Client
    name: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def at(cls, url: str, name: str | None = None) -> Self:
        """Register and sign in."""
        name = name or f"person{next(_numbers)}x{uuid4().hex[:6]}"
        person = cls(httpx.Client(base_url=url, timeout=30), name)
        _clients.append(person.http)
        registration = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        answer = person.http.post("/v1/auth/register", json=registration)
        assert answer.status_code == 201, answer.text
        person.sign_in()
        return person

    def through(self, url: str) -> "Person":
        """The same person, sending requests to another address."""
        other = replace(self, http=httpx.Client(base_url=url, headers=self.http.headers, timeout=30))
        _clients.append(other.http)
        return other

    def sign_in(self) -> None:
        """Get tokens, as after a restart of the client."""
        answer = self.http.post("/v1/auth/login", json={"login": self.name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.http.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a successful GET."""
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def folder(self, name: str, parent: str = "root") -> dict[str, Any]:
        """Make a folder."""
        answer = self.http.post("/v1/folders", json={"parent_id": parent, "name": name})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def children(self, folder: str = "root", **parameters: Any) -> list[dict[str, Any]]:
        """Everything in a folder, page by page."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get(f"/v1/items/{folder}/children", **parameters, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    @property
    def id(self) -> str:
        """The account."""
        user_id: str = self.tokens["user"]["id"]
        return user_id

    def share(self, item_id: str, recipient: "Person", role: str = "viewer", **more: Any) -> dict[str, Any]:
        """Share an item with somebody; the share. Waits where sharing has not heard of who or what was new just now."""
        body = {"item_id": item_id, "recipients": [{"username": recipient.name}], "role": role, **more}
        answer = self._posts_once_known("/v1/shares", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["shares"][0]
        return made

    def says(self, item_id: str, body: str, **more: Any) -> dict[str, Any]:
        """Comment on an item; the comment. Waits as `share` does."""
        answer = self._posts_once_known("/v1/comments", {"item_id": item_id, "body": body, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def shareable(self, item_id: str) -> str:
        """Wait until sharing has heard of an item of theirs; its id."""
        self.wait_for(
            lambda: {"status": self.http.get("/v1/links", params={"item_id": item_id}).status_code},
            lambda asked: asked["status"] == 200,
            within_seconds=KNOWN_WITHIN_SECONDS,
        )
        return item_id

    def _posts_once_known(self, path: str, body: dict[str, Any]) -> httpx.Response:
        answer: httpx.Response = self.wait_for(
            lambda: {"answer": self.http.post(path, json=body)},
            lambda asked: not _is_unheard_of(asked["answer"]),
            within_seconds=KNOWN_WITHIN_SECONDS,
        )["answer"]
        return answer

    def sees(self, item_id: str, *, within_seconds: float = 60) -> dict[str, Any]:
        """Wait until an item can be seen; the item."""
        found = self.wait_for(
            lambda: {"answer": self.http.get(f"/v1/items/{item_id}")},
            lambda asked: asked["answer"].status_code == 200,
            within_seconds=within_seconds,
        )
        item: dict[str, Any] = found["answer"].json()
        return item

    def loses(self, item_id: str, *, within_seconds: float = 60) -> None:
        """Wait until an item can no longer be seen."""
        self.wait_for(
            lambda: {"answer": self.http.get(f"/v1/items/{item_id}")},
            lambda asked: asked["answer"].status_code == 404,
            within_seconds=within_seconds,
        )

    def announce(self, name: str, size: int, *, parent: str = "root", **more: Any) -> dict[str, Any]:
        """Start an upload."""
        answer = self.http.post("/v1/uploads", json={"parent_id": parent, "name": name, "size": size, **more})
        assert answer.status_code == 201, answer.text
        started: dict[str, Any] = answer.json()
        return started

    @staticmethod
    def send(started: dict[str, Any], content: bytes) -> httpx.Response:
        """Send the bytes straight to the bucket."""
        single = started["single"]
        # A client of its own: the bucket must not see the person's token.
        return httpx.request(single["method"], single["url"], headers=single["headers"], content=content, timeout=30)

    def complete(self, upload_id: str) -> httpx.Response:
        """Say that the bytes are there."""
        return self.http.post(f"/v1/uploads/{upload_id}/complete", json={})

    def upload(self, name: str, content: bytes, *, parent: str = "root", **more: Any) -> dict[str, Any]:
        """Announce, send, complete, and wait for the end; the upload as it stands then."""
        started = self.announce(name, len(content), parent=parent, **more)
        sent = self.send(started, content)
        assert sent.status_code == 200, f"{sent.status_code} {sent.text}"
        assert self.complete(started["id"]).status_code in {200, 202}
        return self.finished(started["id"])

    def finished(self, upload_id: str, *, within_seconds: float = 60) -> dict[str, Any]:
        """Wait until the upload is in an end state."""
        return self.wait_for(
            lambda: self.get(f"/v1/uploads/{upload_id}"),
            lambda upload: upload["state"] in END_STATES,
            within_seconds=within_seconds,
        )

    def previewed(self, item_id: str, *, within_seconds: float = 60) -> dict[str, Any]:
        """Wait until the item's preview is ready or failed."""
        return self.wait_for(
            lambda: self.get(f"/v1/items/{item_id}"),
            lambda item: item["preview"]["status"] in {"ready", "failed", "none"},
            within_seconds=within_seconds,
        )

    @staticmethod
    def wait_for(
        ask: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool], *, within_seconds: float
    ) -> dict[str, Any]:
        """Ask again and again until `done`; raises AssertionError with the last answer at the deadline."""
        deadline = time.monotonic() + within_seconds
        while True:
            answer = ask()
            if done(answer):
                return answer
            assert time.monotonic() < deadline, f"still {answer}"
            time.sleep(0.02)
