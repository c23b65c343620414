"""Downloads over HTTP: HEAD, ages of addresses, and names and types that mean harm."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError
from sqlalchemy import text

from factories.files import Files, cleared, files_on, settings, stored


async def file(files: Files, name: str = "a.jpg", **verdict: Any) -> str:
    """A committed file; its id."""
    upload = await files.start(name)
    await files.handle(stored(upload), cleared(upload, **verdict))
    done = await files.now(upload)
    assert done.item_id is not None
    return done.item_id


async def test_head_tells_what_the_bytes_would_and_hands_nothing_out(files: Files) -> None:
    item = await file(files)
    async with files.client() as http:
        told = await http.head(f"/v1/items/{item}/content", params={"disposition": "inline"})
        fetched = await http.get(f"/v1/items/{item}/content")
        known = await http.get(f"/v1/items/{item}/content", headers={"If-None-Match": told.headers["etag"]})
    assert told.status_code == 200
    assert told.content == b""
    shown = {name: told.headers[name] for name in ("content-length", "content-type", "etag", "accept-ranges", "cache-control")}
    assert shown == {
        "content-length": "100",
        "content-type": "image/jpeg",
        "etag": '"e1"',
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
    }
    assert told.headers["content-disposition"].startswith("inline; ")
    assert told.headers["last-modified"] == "Fri, 20 Nov 2026 12:00:00 GMT"
    assert "location" not in told.headers
    assert (fetched.status_code, fetched.headers["cache-control"]) == (302, "private, no-store")
    assert known.status_code == 304


async def test_an_address_for_a_time_ends_with_it(files: Files) -> None:
    item, lives = await file(files), []

    def sign(key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        lives.append((expires_seconds, fresh))
        return f"https://bucket.invalid/{key}?type={content_type}&disposition={disposition}"

    files.blobs.presign_get = sign
    async with files.client() as http:
        for ttl in ("1", "900", "901", "-5"):
            answer = await http.get(f"/v1/items/{item}/download-url", params={"ttl": ttl})
            assert answer.status_code == 200
        assert (await http.get(f"/v1/items/{item}/download-url")).status_code == 200
        assert (await http.get(f"/v1/items/{item}/download-url", params={"ttl": "soon"})).status_code == 422
    assert lives == [(1, True), (900, True), (900, True), (1, True), (300, False)]


@pytest.mark.parametrize(
    ("verdict", "inline"),
    [
        ({"mime_type": "image/jpeg"}, True),
        ({"mime_type": "image/svg+xml"}, False),
        ({"mime_type": "text/html", "media_kind": "text"}, False),
        ({"mime_type": "image/jpeg", "flags": ["active_content"]}, False),
        ({"mime_type": "video/x-matroska", "media_kind": "video"}, False),
    ],
)
async def test_what_might_run_is_saved_and_has_no_type(files: Files, verdict: dict[str, Any], inline: Any) -> None:
    item = await file(files, 'Z\u00fcrich "x"; a=b.svg', **verdict)
    async with files.client() as http:
        answer = await http.get(f"/v1/items/{item}/content", params={"disposition": "inline"})
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["type"] == [verdict["mime_type"] if inline else "application/octet-stream"]
    [disposition] = query["disposition"]
    assert disposition.startswith("inline; " if inline else "attachment; ")


async def test_a_picture_that_is_corrupt_is_never_shown(files: Files) -> None:
    item = await file(files)
    async with files.engine.begin() as connection:
        failed = text("UPDATE versions SET preview_status = 'failed', preview_reason = 'corrupt' WHERE item_id = :item")
        await connection.execute(failed, {"item": item})
    async with files.client() as http:
        told = await http.head(f"/v1/items/{item}/content", params={"disposition": "inline"})
    assert told.headers["content-disposition"].startswith("attachment; ")
    assert told.headers["content-type"] == "application/octet-stream"


async def test_a_file_whose_content_is_not_there_is_told_apart_from_one_that_is_not(files: Files) -> None:
    item = await file(files)
    async with files.engine.begin() as connection:
        await connection.execute(text("DELETE FROM versions WHERE item_id = :item"), {"item": item})
    async with files.client() as http:
        answer = await http.get(f"/v1/items/{item}/content")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")


async def test_what_is_known_of_a_preview_can_be_asked_for(files: Files) -> None:
    item = await file(files)
    shown = {
        "box_pixels": 400,
        "width": 400,
        "height": 300,
        "size_bytes": 9,
        "mime_type": "image/webp",
        "key": "previews/x/400",
    }
    picture = json.dumps([shown])
    async with files.client() as http:
        waits = (await http.get(f"/v1/items/{item}/preview/info")).json()
        async with files.engine.begin() as connection:
            done = text(
                "UPDATE versions SET preview_status = 'ready', width = 4000, height = 3000, preview_images = CAST(:p AS jsonb)"
                ", preview_at = now() WHERE item_id = :item"
            )
            await connection.execute(done, {"item": item, "p": picture})
        ready = (await http.get(f"/v1/items/{item}/preview/info")).json()
        assert (await http.get("/v1/items/root/preview/info")).status_code == 409
    assert (waits["status"], waits["pictures"], waits["width"]) == ("pending", [], None)
    assert (ready["status"], ready["width"], ready["height"]) == ("ready", 4000, 3000)
    assert ready["pictures"] == [{"box": 400, "width": 400, "height": 300, "size": 9, "mime_type": "image/webp"}]
    assert "previews/" not in str(ready)


async def test_where_cloudfront_is_configured_files_and_previews_are_fetched_from_there(store: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    more = {"cloudfront_url": "https://d1.cloudfront.net", "cloudfront_key_pair_id": "K2", "cloudfront_private_key": pem}
    async with files_on(store, **more) as files:
        done = await files.upload("caf\u00e9.jpg")
        async with files.client() as http:
            url = (await http.get(f"/v1/items/{done.item_id}/content")).headers["location"]
    split = urlsplit(url)
    assert (split.netloc, split.path) == ("d1.cloudfront.net", f"/{done.blob_key}")
    query = parse_qs(split.query)
    assert query["response-content-type"] == ["application/octet-stream"]
    assert query["response-content-disposition"][0].endswith("filename*=UTF-8''caf%C3%A9.jpg")
    assert query["Key-Pair-Id"] == ["K2"]


@pytest.mark.parametrize("missing", ["cloudfront_url", "cloudfront_key_pair_id", "cloudfront_private_key"])
def test_half_a_distribution_is_refused(missing: str) -> None:
    whole = {"cloudfront_url": "https://d1.cloudfront.net", "cloudfront_key_pair_id": "K2", "cloudfront_private_key": "x"}
    with pytest.raises(ValidationError, match="belong together"):
        settings("postgresql+asyncpg://u@localhost/d", **{**whole, missing: None})
