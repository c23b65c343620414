"""The people who walk every route: an owner, and those who were given a part of the drive or nothing."""

import itertools
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from factories import images
from factories.people import Person

_numbers = itertools.count()


def new_name() -> str:
    """One that nothing has yet."""
    return f"name {next(_numbers)}"


@dataclass
class World:
    """An owner with a folder that one person may view and another may edit, and with a file in it."""

    owner: Person
    viewer: Person
    editor: Person
    someone: Person
    """To share with; never asks."""
    folder: str
    file: str

    @classmethod
    def at(cls, url: str) -> "World":
        """Make all of it, and wait until everybody may do what they were given."""
        owner, viewer, editor, someone = (Person.at(url) for _ in range(4))
        folder = owner.folder("given")["id"]
        upload = owner.upload("photo.jpg", images.jpeg(320, 240), parent=folder, mime_type="image/jpeg")
        world = cls(owner, viewer, editor, someone, folder, upload["item_id"])
        owner.previewed(world.file)
        world.share(folder, viewer, "viewer")
        world.share(folder, editor, "editor")
        owner.shareable(world.file)
        for person in (viewer, editor):
            person.sees(folder)
        return world

    def share(self, item_id: str, person: Person, role: str) -> str:
        """Share an item; the share's id."""
        share: str = self.owner.share(item_id, person, role)["id"]
        return share

    def root(self) -> str:
        """Where the owner's drive begins."""
        found: str = self.owner.get("/v1/items/root")["id"]
        return found

    def item(self) -> str:
        """A fresh folder inside the given one."""
        made: str = self.owner.folder(f"item {next(_numbers)}", self.folder)["id"]
        return made

    def known_item(self) -> str:
        """The same, once sharing has heard of it."""
        return self.owner.shareable(self.item())

    def trashed(self) -> str:
        """One that the owner put into the trash."""
        item = self.item()
        assert self.owner.http.delete(f"/v1/items/{item}").status_code == 204
        return item

    def version(self) -> dict[str, str]:
        """The file with its current version."""
        return {"item": self.file, "version": self.owner.get(f"/v1/items/{self.file}")["version_id"]}

    def picture(self) -> str:
        """A fresh file inside the given folder."""
        made: str = self.owner.upload(f"{new_name()}.jpg", images.jpeg(32, 24), parent=self.folder)["item_id"]
        return made

    def upload(self, **changes: Any) -> str:
        """A fresh upload of the owner that waits for its bytes."""
        started: str = self.owner.announce(f"upload {next(_numbers)}", 3, parent=self.folder, **changes)["id"]
        return started

    def shared(self) -> str:
        """A fresh share with the viewer, of an item that all others see as part of the folder."""
        return self.share(self.item(), self.viewer, "viewer")

    def comment(self, by: Person | None = None) -> str:
        """A fresh comment on the file in the given folder, which everybody of this world sees; the owner's by default."""
        answer = (by or self.owner).http.post("/v1/comments", json={"item_id": self.file, "body": "Nice"})
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    def invited(self) -> str:
        """A fresh invitation of nobody in particular to an item inside the given folder."""
        body = {"item_id": self.known_item(), "recipients": [{"email": f"{uuid4().hex}@example.org"}], "role": "viewer"}
        answer = self.owner.http.post("/v1/shares", json=body)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["invitations"][0]["id"]
        return made

    def link(self) -> dict[str, Any]:
        """A fresh link to something inside the given folder."""
        answer = self.owner.http.post("/v1/links", json={"item_id": self.known_item(), "mode": "download"})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def link_token(self) -> str:
        """What opens a fresh link."""
        token: str = self.link()["url"].rpartition("/s/")[2]
        return token

    def notice(self) -> str:
        """One that the viewer has. Those before may be deleted, so there is news for one more."""
        self.shared()
        told = self.viewer.wait_for(
            lambda: self.viewer.get("/v1/notifications"), lambda feed: bool(feed["items"]), within_seconds=30
        )
        notice: str = told["items"][0]["id"]
        return notice
