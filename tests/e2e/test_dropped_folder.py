"""A folder dropped onto a page: announced in one request, sent to the bucket, reported in one; sent again, not a byte."""

import hashlib

import pytest

from factories import patient
from factories.people import END_STATES, Person

pytestmark = pytest.mark.slow


def test_a_folder_of_many_small_files(ana: Person) -> None:
    contents = {f"note {number}.txt": f"This is note number {number}.\n".encode() for number in range(24)}
    files = [
        {
            "ref": name,
            "path": f"Notes/Part {number % 3}",
            "name": name,
            "size": len(content),
            "mime_type": "text/plain",
            "blocks_sha256": [hashlib.sha256(content).hexdigest()],
        }
        for number, (name, content) in enumerate(contents.items())
    ]
    begun = ana.http.post("/v1/uploads/batch", json={"parent_id": "root", "files": files}).json()["results"]
    assert [one["status"] for one in begun] == [201] * 24
    for one in begun:
        assert ana.send(one["upload"], contents[one["ref"]]).status_code == 200
    ids = [one["upload"]["id"] for one in begun]

    def reported() -> dict[str, list[str]]:
        results = ana.http.post("/v1/uploads/complete", json={"upload_ids": ids}).json()["results"]
        return {"states": [one["upload"]["state"] for one in results]}

    ended = Person.wait_for(reported, lambda told: all(one in END_STATES for one in told["states"]), within_seconds=60)
    assert ended["states"] == ["committed"] * 24
    [notes] = ana.children()
    assert [folder["name"] for folder in ana.children(notes["id"])] == ["Part 0", "Part 1", "Part 2"]

    used = ana.get("/v1/usage")["used"]
    assert used == sum(map(len, contents.values()))
    again = ana.announce(
        "copy.txt",
        len(contents["note 7.txt"]),
        blocks_sha256=[hashlib.sha256(contents["note 7.txt"]).hexdigest()],
    )
    assert (again["strategy"], again["state"]) == ("reuse", "committed")
    link = ana.http.get(f"/v1/items/{again['item_id']}/content", follow_redirects=False).headers["location"]
    assert patient.get(link).content == contents["note 7.txt"]
