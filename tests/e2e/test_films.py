"""The story: a film and recordings go up, and come back with a picture, their length, their names and their waveform."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from factories import films, images, patient, recordings
from factories.people import Person

pytestmark = pytest.mark.slow


def shown(person: Person, name: str, content: bytes, mime_type: str) -> tuple[dict[str, Any], Image.Image]:
    """What is told of a file that goes up, and its small picture."""
    upload = person.upload(name, content, mime_type=mime_type)
    assert upload["state"] == "committed", upload
    item = person.previewed(upload["item_id"])
    assert item["preview"]["status"] == "ready", item["preview"]
    info: dict[str, Any] = person.get(f"/v1/items/{item['id']}/preview/info")
    preview = person.http.get(f"/v1/items/{item['id']}/preview", follow_redirects=False)
    return info, Image.open(io.BytesIO(patient.get(preview.headers["location"]).content))


def test_a_recording_comes_back_with_its_waveform(ana: Person) -> None:
    info, picture = shown(ana, "tone.wav", recordings.wav(), "audio/wav")
    assert info["facts"]["duration_milliseconds"] == info["facts"]["waveform_milliseconds"] == 2000
    assert len(base64.b64decode(info["facts"]["waveform"])) == 800
    assert picture.size == (400, 160)
    assert info["width"] is None


def test_a_song_comes_back_with_its_cover_and_its_names(ana: Person) -> None:
    info, picture = shown(ana, "tone.mp3", recordings.mp3(cover=images.jpeg(600, 600)), "audio/mpeg")
    assert {name: info["facts"][name] for name in recordings.NAMES} == recordings.NAMES
    assert picture.size == (400, 400)


@pytest.mark.skipif(not films.PYAV, reason="PyAV is not installed")
def test_a_film_comes_back_with_a_picture_and_its_length(ana: Person) -> None:
    content = films.turned(films.film("mp4", None, (1280, 720), 60), 1)
    assert len(content) > 1 << 20  # and so read by ranges
    info, picture = shown(ana, "film.mp4", content, "video/mp4")
    assert (info["width"], info["height"]) == (720, 1280)
    assert info["facts"]["duration_milliseconds"] == 6000
    assert info["facts"]["video_codec"] == "h264"
    assert picture.size == (225, 400)


def test_a_song_without_a_cover_is_not_waited_for(ana: Person) -> None:
    upload = ana.upload("bare.mp3", recordings.mp3({"title": "Bare"}), mime_type="audio/mpeg")
    item = ana.previewed(upload["item_id"])
    assert item["preview"]["status"] == ("ready" if films.PYAV else "none")
    assert ana.get(f"/v1/items/{item['id']}/preview/info")["facts"]["title"] == "Bare"
