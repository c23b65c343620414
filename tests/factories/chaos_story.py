"""A day in the life of four people with one Coffer. Whatever happens to its parts meanwhile, it has one end.

Nothing here depends on which of two things that race is first: the winner and the loser are alike.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from factories import images
from factories.chaos_people import Patient
from factories.people import PASSWORD

WAIT_SECONDS = 120
INDECISION = 6
NAMES = ("ana", "ben", "eva", "kim")


class Story:
    """Who they are, and what they do in which order."""

    def __init__(self, url: str, domain: str, later: Callable[[], object]) -> None:
        """`later` lets so much time pass in auth's store that a used refresh token is taken for a stolen one."""
        self._url = url
        self._domain = domain
        self._later = later
        self.people: dict[str, Patient] = {}
        self.signed_out: list[httpx.Client] = []
        """Devices whose session has ended."""

    @property
    def ana(self) -> Patient:
        """Who owns the drive that it is about."""
        return self.people["ana"]

    def happens(self) -> None:
        """All of it; returns when the last thing was asked for, not when it has had all its effects."""
        with ThreadPoolExecutor(len(NAMES)) as lives:
            self.people = dict(zip(NAMES, lives.map(self._arrives, NAMES), strict=True))
            for chapter in (self._sending, self._arranging, self._sharing, self._parting):
                for done in [lives.submit(one) for one in chapter()]:
                    done.result()

    def _arrives(self, name: str) -> Patient:
        return Patient.arrives(self._url, name, self._domain)

    def is_over(self) -> None:
        """Everybody leaves."""
        for person in self.people.values():
            person.leaves()

    def _sending(self) -> tuple[Callable[[], None], ...]:
        """Folders are made and bytes are sent, of every kind; sessions begin and end badly."""
        return self._ana_sends, self._ben_sends, self._eva_forgets_her_password, self._kim_loses_a_token

    def _ana_sends(self) -> None:
        ana = self.ana
        self.trips = ana.folder("Trips")["id"]
        self.rome = ana.folder("Rome", self.trips)["id"]
        self.work = ana.folder("Work")["id"]
        self.bin = ana.folder("Bin")["id"]
        photo = images.jpeg(160, 120)
        self.sent = {
            "notes": ana.puts("notes.txt", b"first words"),
            "photo": ana.puts("beach.jpg", photo, parent=self.rome, mime_type="image/jpeg", says=False),
            "cut": ana.puts("cut.jpg", images.cut(photo), parent=self.trips, mime_type="image/jpeg"),
            "program": ana.puts("invoice.jpg", images.program(), mime_type="image/jpeg"),
            "nothing": ana.puts("nothing.txt", b"", says=False),
            "plan": ana.puts("plan.txt", b"a plan", parent=self.work),
            "old": ana.puts("old.txt", b"old", parent=self.bin),
        }
        ana.announce("never.bin", 10)
        gone = ana.announce("gone.bin", 10)
        ana.does("DELETE", f"/v1/uploads/{gone['id']}", {204})
        # Both are announced before either is sent: one of them finds its name taken.
        race = [ana.announce("same.txt", 4) for _ in range(2)]
        for one in race:
            ana.sends(one, b"same")
        self.sent |= {f"race {number}": one["id"] for number, one in enumerate(race)}

    def _ben_sends(self) -> None:
        ben = self.people["ben"]
        ben.puts("hello.txt", b"hello", parent=ben.folder("Inbox")["id"])

    def _eva_forgets_her_password(self) -> None:
        eva = self.people["eva"]
        for _ in range(2):
            eva.does("POST", "/v1/auth/login", {401}, json={"login": eva.name, "password": "not her password at all"})
        device, _ = eva.signed_in_elsewhere()
        self._ends(device.post("/v1/auth/logout", json={}), device)

    def _kim_loses_a_token(self) -> None:
        """A refresh token that comes twice was stolen: its session ends, whoever came first."""
        kim = self.people["kim"]
        device, tokens = kim.signed_in_elsewhere()
        used = {"refresh_token": tokens["refresh_token"]}
        fresh = device.post("/v1/auth/refresh", json=used)
        assert fresh.status_code == 200, fresh.text
        self._later()
        self._ends(device.post("/v1/auth/refresh", json=used), device)

    def _ends(self, answer: httpx.Response, device: httpx.Client) -> None:
        assert answer.status_code in {204, 401}, answer.text
        self.signed_out.append(device)

    def _arranging(self) -> tuple[Callable[[], None], ...]:
        """What was sent is there by now, and is replaced, renamed, moved, thrown away and taken back."""
        return (self._ana_arranges,)

    def _ana_arranges(self) -> None:
        ana = self.ana
        ended = {name: ana.finished(upload, within_seconds=WAIT_SECONDS) for name, upload in self.sent.items()}
        for name, end in ended.items():
            if end["state"] == "conflict":
                ana.does("PATCH", f"/v1/uploads/{self.sent[name]}", {200}, json={"name": "same (1).txt"})
        nothing, cut, photo = (ended[name]["item_id"] for name in ("nothing", "cut", "photo"))
        newer = ana.puts("notes.txt", b"better words", conflict="replace")
        ana.does("PATCH", f"/v1/items/{photo}", {200}, json={"name": "sea.jpg"})
        # So many facts about one thing at once that some overtake others.
        attic = ana.folder("Attic")["id"]
        for number in range(INDECISION):
            ana.does("PATCH", f"/v1/items/{attic}", {200}, json={"name": f"Attic {number}"})
        # Not renamed: a share made at once would be told under whatever name sharing has heard of by then.
        ana.does("PATCH", f"/v1/items/{self.work}", {200}, json={"parent_id": self.trips})
        ana.does("DELETE", f"/v1/items/{nothing}", {204})
        ana.does("POST", f"/v1/trash/{nothing}/restore", {200}, json={})
        ana.does("DELETE", f"/v1/items/{cut}", {204})
        ana.does("DELETE", f"/v1/items/{self.bin}", {204})
        ana.does("DELETE", f"/v1/trash/{self.bin}", {204}, done=frozenset({404}))
        assert ana.finished(newer, within_seconds=WAIT_SECONDS)["state"] == "committed"
        self.photo = photo

    def _sharing(self) -> tuple[Callable[[], None], ...]:
        """Things are given to others, who wait until they see them."""
        return (self._ana_shares,)

    def _ana_shares(self) -> None:
        self.with_ben = self._share(self.trips, "ben", "viewer")
        self.with_eva = self._share(self.trips, "eva", "editor")
        self._share(self.work, "kim", "viewer", notify=True, message="Read this")
        self._share(self.rome, "eva", "viewer", notify=True)
        self.ana.does("PATCH", f"/v1/shares/{self.with_ben}", {200}, json={"role": "editor"})

    def _share(self, item: str, name: str, role: str, **more: Any) -> str:
        """Share with somebody of whom, and something of which, sharing may not have heard yet."""
        body = {"item_id": item, "recipients": [{"username": name}], "role": role, "notify": False, **more}
        made = self.ana.wait_for(
            lambda: {"answer": self.ana.http.post("/v1/shares", json=body)},
            lambda asked: asked["answer"].status_code not in {404, 422},
            within_seconds=WAIT_SECONDS,
        )["answer"]
        assert made.status_code == 201, made.text
        share: str = made.json()["shares"][0]["id"]
        return share

    def _parting(self) -> tuple[Callable[[], None], ...]:
        """Others work in what they were given, leave it, or lose it."""
        return self._ben_works_and_is_sent_away, self._eva_leaves, self._kim_looks

    def _ben_works_and_is_sent_away(self) -> None:
        ben = self.people["ben"]
        ben.wait_for(
            lambda: {"answer": ben.http.get(f"/v1/items/{self.rome}")},
            lambda seen: seen["answer"].status_code == 200 and seen["answer"].json()["permissions"]["write"],
            within_seconds=WAIT_SECONDS,
        )
        upload = ben.puts("ben.jpg", images.jpeg(120, 80, seed=2), parent=self.rome, mime_type="image/jpeg")
        assert ben.finished(upload, within_seconds=WAIT_SECONDS)["state"] == "committed"
        ben.does("PATCH", f"/v1/items/{self.photo}", {200}, json={"name": "ocean.jpg"})
        self.ana.does("DELETE", f"/v1/shares/{self.with_ben}", {204}, done=frozenset({404}))
        ben.loses(self.rome, within_seconds=WAIT_SECONDS)

    def _eva_leaves(self) -> None:
        eva = self.people["eva"]
        eva.sees(self.rome, within_seconds=WAIT_SECONDS)
        eva.does("POST", f"/v1/shares/{self.with_eva}/leave", {204}, done=frozenset({404}))

    def _kim_looks(self) -> None:
        self.people["kim"].sees(self.work, within_seconds=WAIT_SECONDS)

    def signs_in_again(self) -> None:
        """At the end everybody has a session that has not ended."""
        for person in self.people.values():
            answer = person.http.post("/v1/auth/login", json={"login": person.name, "password": PASSWORD})
            person.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
