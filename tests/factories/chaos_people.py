"""People who live through chaos: they ask again until they are answered, as any good client does, and send bytes again."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx

from factories.people import PASSWORD, Person

PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.1


@dataclass
class Patient(Person):
    """A person whose every request is repeated until somebody answers; POSTs carry a key, so that nothing is done twice."""

    bucket: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, verify=False), kw_only=True)
    """The bucket must not see the person's token."""
    devices: list[httpx.Client] = field(default_factory=list, kw_only=True)
    heard_until: str | None = field(default=None, kw_only=True)
    """The place in the live stream at which they began."""

    @classmethod
    def arrives(cls, url: str, name: str, domain: str) -> Self:
        """Register, sign in, and open a live stream for a moment, so that everything after it can be heard."""
        person = cls(_PatientClient(base_url=url, timeout=10, verify=False), name)
        registration = {"username": name, "email": f"{name}@{domain}", "password": PASSWORD}
        person.does("POST", "/v1/auth/register", {201}, json=registration)
        person.sign_in()
        person.heard_until = person.place()
        return person

    def does(self, method: str, path: str, ends: set[int], *, done: frozenset[int] = frozenset(), **request: Any) -> Any:
        """A request that ends so, or, when it had to be repeated, with what says that it was `done` before; its JSON."""
        answer = self.http.request(method, path, **request)
        allowed = ends | done if answer.extensions.get("tries", 1) > 1 else ends
        assert answer.status_code in allowed, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and answer.status_code in ends else None

    def signed_in_elsewhere(self) -> tuple[httpx.Client, dict[str, Any]]:
        """The same person at another device; its client and its tokens."""
        answer = self.http.post("/v1/auth/login", json={"login": self.name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        device = _PatientClient(base_url=self.http.base_url, headers=headers, timeout=10, verify=False)
        self.devices.append(device)
        return device, tokens

    def leaves(self) -> None:
        """Close everything that was opened."""
        for client in (self.http, self.bucket, *self.devices):
            client.close()

    def place(self) -> str:
        """Where the live stream stands."""
        while True:
            with contextlib.suppress(httpx.TransportError), self.http.stream("GET", "/v1/stream") as answer:
                for line in answer.iter_lines() if answer.status_code == 200 else ():
                    if line.startswith("id:"):
                        return line.removeprefix("id:").strip()
            time.sleep(PAUSE_SECONDS)

    def sends(self, started: dict[str, Any], content: bytes) -> None:
        """Send the bytes until they are there; 412 says that an attempt whose answer was lost had arrived."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        last: object = None
        while started["state"] == "created":
            single = started["single"]
            try:
                answer = self.bucket.request(single["method"], single["url"], headers=single["headers"], content=content)
                if answer.status_code in {200, 412}:
                    return
                last = f"{answer.status_code} {answer.text}"
            except httpx.TransportError as error:
                last = error
            assert time.monotonic() < deadline, f"the bytes could not be sent: {last!r}"
            time.sleep(PAUSE_SECONDS)
            # After a restart the bucket may have another address.
            started = self.get(f"/v1/uploads/{started['id']}")

    def puts(self, name: str, content: bytes, *, says: bool = True, **more: Any) -> str:
        """Announce, send, and say so or not; the upload's id."""
        started = self.announce(name, len(content), **more)
        self.sends(started, content)
        if says:
            # Refused when it has become a conflict, which is an end like others.
            said = self.does("POST", f"/v1/uploads/{started['id']}/complete", {200, 202, 403, 409}, json={})
            # The verdict may be there before its uploader asks.
            assert said.get("status") != 403 or said["code"] == "malware_detected", said
        return str(started["id"])

    @staticmethod
    def wait_for(
        ask: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool], *, within_seconds: float
    ) -> dict[str, Any]:
        """As everybody, but asking less often: what they wait for takes long, and others need the processor."""

        def ask_slowly() -> dict[str, Any]:
            time.sleep(PAUSE_SECONDS)
            return ask()

        return Person.wait_for(ask_slowly, done, within_seconds=within_seconds)


class _PatientClient(httpx.Client):
    def request(self, method: Any, url: Any, **options: Any) -> httpx.Response:
        if method == "POST":
            options["headers"] = {"Idempotency-Key": str(uuid4())} | dict(options.get("headers") or {})
        deadline = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while True:
            tries += 1
            last: object
            try:
                answer = super().request(method, url, **options)
                if answer.status_code < 500 and "idempotency_in_progress" not in answer.text:
                    answer.extensions["tries"] = tries
                    return answer
                last = answer.text
            except httpx.TransportError as error:
                last = error
            assert time.monotonic() < deadline, f"{method} {url} was never answered: {last!r}"
            time.sleep(PAUSE_SECONDS)
