"""What the media worker learnt of a content is shown with its preview, and stays with the object."""

from typing import Any

import pytest

from coffer_contracts import media
from coffer_contracts.media import MediaFacts
from factories.files import Files, cleared, envelope, stored

IMAGE = media.PreviewImage(box_pixels=400, key="previews/b/400", mime_type="image/webp", width=4, height=3, size_bytes=9)
TAKEN = "2024-02-29T23:59:58+05:30"
NOTHING = dict.fromkeys(MediaFacts.model_fields)
"""What is told of a content of which nothing is known: each fact that the contract has a name for."""


async def committed(files: Files, name: str = "a.jpg") -> Any:
    upload = await files.start(name)
    await files.handle(stored(upload), cleared(upload))
    return await files.now(upload)


def ready(done: Any, facts: MediaFacts | None, revision: int = 1) -> Any:
    fact = media.PreviewReadyV1(
        item_id=done.item_id,
        version_id=done.version_id,
        owner_id=done.owner_id,
        ancestor_ids=(),
        blob_id=done.blob_id,
        images=(IMAGE,),
        facts=facts,
    )
    return envelope(fact, sequence=revision)


async def shown(files: Files, done: Any) -> Any:
    async with files.client() as http:
        return (await http.get(f"/v1/items/{done.item_id}/preview/info")).json()["facts"]


async def test_facts_are_shown_with_the_preview(files: Files) -> None:
    done = await committed(files)
    assert await shown(files, done) == NOTHING
    await files.handle(ready(done, MediaFacts(taken=TAKEN, camera_model="Pocket 3", colour="#c86432", frame_count=4)))
    assert await shown(files, done) == NOTHING | {
        "taken": TAKEN,
        "camera_model": "Pocket 3",
        "colour": "#c86432",
        "frame_count": 4,
    }


async def test_what_is_known_of_a_recording_is_shown(files: Files) -> None:
    done = await committed(files, "c.mp3")
    known = {
        "duration_milliseconds": 214300,
        "audio_codec": "aac",
        "title": "A Tone",
        "artist": "The Growers",
        "album": "Louder",
        "waveform": "AAD/",
        "waveform_milliseconds": 200500,
    }
    await files.handle(ready(done, MediaFacts(**known)))
    assert await shown(files, done) == NOTHING | known


async def test_a_later_fact_adds_and_one_without_facts_takes_nothing_away(files: Files) -> None:
    done = await committed(files, "b.jpg")
    await files.handle(ready(done, MediaFacts(colour="#c86432")))
    await files.handle(ready(done, MediaFacts(colour="#c86432", sha256="0" * 64), 2))
    await files.handle(ready(done, None, 3))
    assert await shown(files, done) == NOTHING | {"colour": "#c86432", "sha256": "0" * 64}


async def test_a_kind_without_a_picture_is_described_and_nobody_waits_for_one(files: Files) -> None:
    done = await committed(files, "e.odt")
    about = {"item_id": done.item_id, "version_id": done.version_id, "owner_id": done.owner_id, "blob_id": done.blob_id}
    fact = media.PreviewOmittedV1(**about, ancestor_ids=(), facts=MediaFacts(page_count=3))
    await files.handle(envelope(fact))
    assert await shown(files, done) == NOTHING | {"page_count": 3}
    async with files.client() as http:
        info = (await http.get(f"/v1/items/{done.item_id}/preview/info")).json()
        answer = await http.get(f"/v1/items/{done.item_id}/preview")
    assert (info["status"], info["reason"], info["pictures"]) == ("none", None, [])
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (404, "preview_unavailable", "none")


async def test_a_late_first_part_does_not_undo_the_whole(files: Files) -> None:
    done = await committed(files, "c.jpg")
    await files.handle(ready(done, MediaFacts(colour="#c86432", sha256="0" * 64), 2))
    await files.handle(ready(done, MediaFacts(colour="#c86432"), 1))
    assert await shown(files, done) == NOTHING | {"colour": "#c86432", "sha256": "0" * 64}


async def test_facts_of_what_is_gone_are_void(files: Files) -> None:
    done = await committed(files, "d.jpg")
    await files.handle(ready(done, None))
    fact = ready(done, MediaFacts(colour="#c86432"), 2)
    fact.data.__dict__["blob_id"] = "0193439e-8a5c-7000-8000-00000000ffff"
    await files.handle(fact)
    assert await shown(files, done) == NOTHING


@pytest.mark.parametrize("field", MediaFacts.model_fields)
def test_every_fact_can_be_shown(field: str) -> None:
    assert field in NOTHING
