"""Keys, hashes, and what a browser may show."""

import hashlib
from typing import Any

import pytest

from coffer_contracts.ids import BlobId, UserId
from coffer_contracts.problems import ValidationFailed
from coffer_files.domain import content
from coffer_files.domain.previews import degrees, jpeg_for, picture_for

EMPTY = hashlib.sha256(b"").hexdigest()


ONE, OTHER = "01a1f8c0-8e3f-7034-a662-ca49143c1ae7", "01a1f8c0-8e3f-7034-a662-ca49143c1ae8"


def test_a_key_names_its_owner_and_blob_and_nothing_else() -> None:
    assert content.blob_of_key(content.blob_key(UserId(ONE), BlobId(OTHER))) == (ONE, OTHER)
    strange = [
        f"blobs/{ONE}",
        f"blobs//{ONE}",
        f"blobs/{ONE}/{OTHER}/c",
        f"previews/{ONE}/{OTHER}",
        "blobs/a/b",
        "",
        f"blobs/{ONE}/'",
    ]
    assert [content.blob_of_key(key) for key in strange] == [None] * 7


def test_the_hash_of_a_content_is_that_of_its_block_hashes() -> None:
    assert content.content_hash([EMPTY], 0) == hashlib.sha256(bytes.fromhex(EMPTY)).hexdigest()
    assert content.content_hash([EMPTY] * 2, content.BLOCK_BYTES + 1) != content.content_hash([EMPTY], 5)


@pytest.mark.parametrize(("size", "blocks"), [(0, 0), (0, 2), (1, 2), (content.BLOCK_BYTES, 2), (content.BLOCK_BYTES + 1, 1)])
def test_refuses_a_number_of_hashes_that_does_not_fit_the_length(size: Any, blocks: Any) -> None:
    with pytest.raises(ValidationFailed):
        content.content_hash([EMPTY] * blocks, size)


@pytest.mark.parametrize(
    ("mime_type", "flags", "allowed"),
    [
        ("image/jpeg", [], "inline"),
        ("video/mp4", [], "inline"),
        ("application/pdf", [], "inline"),
        ("application/pdf", ["active_content"], "attachment"),
        ("image/svg+xml", [], "attachment"),
        ("text/html", [], "attachment"),
        ("application/xhtml+xml", [], "attachment"),
        ("application/pdf", ["embedded_file"], "inline"),
        ("image/jpeg", ["executable"], "attachment"),
        ("image/jpeg", ["mismatch"], "attachment"),
        ("image/jpeg", ["released"], "attachment"),
        ("image/jpeg", ["trailing_data"], "inline"),
    ],
)
def test_shows_only_what_runs_nothing(mime_type: Any, flags: Any, allowed: Any) -> None:
    assert content.allowed_disposition("inline", mime_type, flags) == allowed
    assert content.allowed_disposition("attachment", mime_type, flags) == "attachment"


def test_what_is_only_saved_has_no_type_that_means_anything() -> None:
    assert content.served_type("text/html", "attachment") == "application/octet-stream"
    assert content.served_type("text/plain", "inline") == "text/plain; charset=utf-8"


def test_a_name_cannot_break_out_of_its_header() -> None:
    header = content.disposition_header("attachment", 'a"; x="\\%41\u00e9.exe')
    assert header == "attachment; filename=\"a_; x=___41_.exe\"; filename*=UTF-8''a%22%3B%20x%3D%22%5C%2541%C3%A9.exe"


def test_chooses_the_smallest_picture_that_fills_the_box() -> None:
    pictures = [{"box_pixels": 1024}, {"box_pixels": 400}]
    assert picture_for(pictures, "thumb") == {"box_pixels": 400}
    assert picture_for(pictures, "medium") == {"box_pixels": 1024}
    assert picture_for(pictures, "large") == {"box_pixels": 1024}
    assert picture_for([], "thumb") is None


def test_a_jpeg_stands_for_a_picture_only_where_there_is_nothing_else() -> None:
    small, large = {"box_pixels": 400, "mime_type": "image/webp"}, {"box_pixels": 1024, "mime_type": "image/jpeg"}
    assert picture_for([large, small], "large") is small
    assert picture_for([large], "thumb") is large
    assert jpeg_for([large, small], "thumb") is large
    assert jpeg_for([small], "thumb") is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("+48.85826+002.29450/", (48.85826, 2.2945)),
        ("-00.50000-179.99999/", (-0.5, -179.99999)),
        ("-33.85678+151.21529/", (-33.85678, 151.21529)),
    ],
)
def test_a_place_is_read_as_degrees(said: str, expected: tuple[float, float]) -> None:
    assert degrees(said) == expected
