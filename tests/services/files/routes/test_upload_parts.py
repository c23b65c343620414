"""Uploads in parts over HTTP."""

from typing import Any

import pytest
from httpx import Response

from coffer_files.domain.content import BLOCK_BYTES
from factories.bytes import away
from factories.files import Files, cleared, files_on, person
from factories.parts import SIZE, digest, digests, send_parts


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, default_quota_bytes=10**15) as service:
        yield service


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


ANNOUNCED = {"parent_id": "root", "name": "film.mp4", "size": SIZE, "blocks_sha256": list(digests())}


async def test_an_upload_in_parts_from_announcement_to_file(files: Files) -> None:
    async with files.client() as http:
        answer = await http.post("/v1/uploads", json=ANNOUNCED, headers={"Idempotency-Key": "k"})
        begun = answer.json()
        at = f"/v1/uploads/{begun['id']}"
        assert (answer.status_code, answer.headers["location"]) == (201, at)
        assert [begun[name] for name in ("strategy", "part_size", "part_count")] == ["multipart", BLOCK_BYTES, 3]
        assert [part["n"] for part in begun["parts"]] == [1, 2, 3]
        assert begun["parts"][2]["headers"] == {"content-length": "1000", "x-amz-checksum-sha256": digests()[2]}
        assert begun["parts"][0]["expires_at"] == begun["expires_at"] == "2026-11-21T12:00:00.000Z"
        assert "single" not in begun
        again = await http.post("/v1/uploads", json=ANNOUNCED, headers={"Idempotency-Key": "k"})
        assert (again.json(), again.headers["idempotent-replayed"]) == (begun, "true")

        upload = await files.now(begun["id"])
        await send_parts(files, upload, 2)
        looked = (await http.get(at)).json()
        assert looked["parts_done"] == [{"n": 2, "size": BLOCK_BYTES, "etag": looked["parts_done"][0]["etag"]}]
        assert looked["missing"] == [1, 3]
        assert [part["n"] for part in looked["parts"]] == [1, 3]
        told = refused(await http.post(f"{at}/complete"), 409, "upload_incomplete")
        assert told["missing_parts"] == [1, 3]
        files.clock.advance(hours=2)
        signed = await http.post(f"{at}/parts", json={"numbers": [3, 1]})
        assert signed.status_code == 200
        assert signed.headers["cache-control"] == "private, no-store"
        assert [part["n"] for part in signed.json()["parts"]] == [3, 1]
        assert signed.json()["expires_at"] == "2026-11-21T14:00:00.000Z"

        await send_parts(files, upload, 1, 3)
        stored = await files.blobs.parts(upload.blob_key, upload.multipart_id)
        named = {"parts": [{"n": part.number, "etag": f'"{part.etag}"'} for part in stored]}
        waiting = await http.post(f"{at}/complete", json=named, headers={"Idempotency-Key": "c"})
        assert (waiting.status_code, waiting.headers["location"], waiting.json()["state"]) == (202, at, "received")
        assert not {"parts", "parts_done", "missing"} & set((await http.get(at)).json())
        received = await files.now(upload)
        await files.handle(cleared(upload, etag=str(received.etag)))
        done = await http.post(f"{at}/complete", json=named, headers={"Idempotency-Key": "c"})
        assert (done.status_code, done.json()["size"], done.headers["idempotent-replayed"]) == (200, SIZE, "true")
        refused(await http.post(f"{at}/complete", headers={"Idempotency-Key": "c"}), 422, "idempotency_key_reuse")
        refused(await http.post(f"{at}/parts", json={"numbers": [1]}), 409, "state_conflict")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"numbers": []}, 422, "validation_failed"),
        ({"numbers": [0]}, 422, "validation_failed"),
        ({"numbers": [True]}, 422, "validation_failed"),
        ({"numbers": [4]}, 422, "validation_failed"),
        ({"numbers": [10_001]}, 422, "validation_failed"),
        ({"numbers": [1] * 101}, 422, "validation_failed"),
        ({"numbers": [1], "sha256": ["zz"]}, 422, "validation_failed"),
        ({"numbers": [1], "sha256": [digest(b"")]}, 422, "checksum_mismatch"),
        ({"numbers": [1], "part": 1}, 422, "validation_failed"),
        ({}, 422, "validation_failed"),
    ],
)
async def test_addresses_that_cannot_be_had(files: Files, body: Any, status: int, code: str) -> None:
    async with files.client() as http:
        begun = (await http.post("/v1/uploads", json=ANNOUNCED)).json()
        refused(await http.post(f"/v1/uploads/{begun['id']}/parts", json=body), status, code)
    async with files.client(person()) as stranger:
        refused(await stranger.post(f"/v1/uploads/{begun['id']}/parts", json={"numbers": [1]}), 404, "not_found")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "validation_failed"),
        ([{"n": 1}], "validation_failed"),
        ([{"n": 0, "etag": "a"}], "validation_failed"),
        ([{"n": 4, "etag": "a"}], "validation_failed"),
        ([{"n": 1, "etag": "a"}, {"n": 1, "etag": "a"}], "validation_failed"),
        ([{"n": 1, "etag": "a"}, {"n": 2, "etag": "a"}, {"n": 3, "etag": "a"}], "checksum_mismatch"),
    ],
)
async def test_parts_that_cannot_be_put_together(files: Files, parts: Any, code: str) -> None:
    async with files.client() as http:
        begun = (await http.post("/v1/uploads", json=ANNOUNCED)).json()
        await send_parts(files, await files.now(begun["id"]))
        refused(await http.post(f"/v1/uploads/{begun['id']}/complete", json={"parts": parts}), 422, code)
        assert (await http.get(f"/v1/uploads/{begun['id']}")).json()["missing"] == []


async def test_an_announcement_of_ten_thousand_blocks_fits_into_a_request(files: Files) -> None:
    blocks = [digest(str(number).encode()) for number in range(10_000)]
    async with files.client() as http:
        begun = await http.post("/v1/uploads", json={**ANNOUNCED, "size": 10_000 * BLOCK_BYTES, "blocks_sha256": blocks})
        assert (begun.status_code, begun.json()["part_count"], len(begun.json()["parts"])) == (201, 10_000, 20)
        last = await http.post(f"/v1/uploads/{begun.json()['id']}/parts", json={"numbers": [10_000, 9_999]})
        assert [part["headers"]["x-amz-checksum-sha256"] for part in last.json()["parts"]] == [blocks[9999], blocks[9998]]


async def test_the_names_of_ten_thousand_parts_fit_into_a_request(files: Files) -> None:
    named = [{"n": n, "etag": f'"{n:032x}"', "sha256": digest(str(n).encode())} for n in range(1, 10_001)]
    async with files.client() as http:
        begun = (await http.post("/v1/uploads", json={**ANNOUNCED, "size": 10_000 * BLOCK_BYTES, "blocks_sha256": None})).json()
        at = f"/v1/uploads/{begun['id']}/complete"
        told = refused(await http.post(at, json={"parts": named}), 409, "upload_incomplete")
        assert len(told["missing_parts"]) == 10_000
        refused(await http.post(at, content=b'"' + b"x" * 2**21 + b'"'), 413, "too_large")


async def test_the_timeline_tells_of_parts(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    async with files.client() as http:
        begun = (await http.post("/v1/uploads", json=ANNOUNCED)).json()
        at, upload = f"/v1/uploads/{begun['id']}", await files.now(begun["id"])

        async def told() -> str:
            story = (await http.get(f"{at}/timeline")).json()
            assert story["next"]["what"] == "expires"
            return str(story["waiting"]["sentence"])

        files.clock.advance(minutes=3)
        assert await told() == "0 of 3 parts of the file have come in 3 min."
        await send_parts(files, upload, 1, 3)
        assert await told() == "2 of 3 parts of the file have come in 3 min."
        with monkeypatch.context() as patch:
            patch.setattr(files.blobs, "parts", away)
            assert await told() == "3 min without all 3 parts of the file."
        await send_parts(files, upload, 2)
        assert await told() == "All 3 parts of the file are there; they are put together in a moment."
        files.clock.advance(seconds=2)
        await http.post(f"{at}/complete")
        steps = [(step["step"], step["ms"]) for step in (await http.get(f"{at}/timeline")).json()["steps"]]
        assert steps == [("created", 182_000), ("assembling", 0), ("received", 0), ("dispatched", None)]
