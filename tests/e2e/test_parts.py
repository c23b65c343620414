"""Large files with real bytes: sent in parts, resumed, put together whoever dies meanwhile, and found as they were."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from factories import images, patient
from factories.killing import When, killer_before
from factories.people import Person
from factories.ports import free_port
from factories.roles import Role
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

BLOCK = 8 * 1024 * 1024
SIZE = 20 * 1024 * 1024
PAGE = Path(__file__).parents[2] / "docs" / "uploads.md"


def film(size: int = SIZE) -> bytes:
    """Bytes that are like no other part's, and like no picture."""
    line = b"Nothing here looks like anything else, and every line has its number: "
    return b"".join(line + b"%09d\n" % number for number in range(size // (len(line) + 10) + 1))[:size]


def blocks(content: bytes) -> list[str]:
    return [hashlib.sha256(content[at : at + BLOCK]).hexdigest() for at in range(0, max(1, len(content)), BLOCK)]


def whole_hash(content: bytes) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(block) for block in blocks(content))).hexdigest()


def send_part(part: dict[str, Any], content: bytes) -> httpx.Response:
    some = content[(part["n"] - 1) * BLOCK : part["n"] * BLOCK]
    return httpx.put(part["url"], headers=part["headers"], content=some, timeout=60)


def announced(ana: Person, content: bytes, name: str = "film.bin", **more: Any) -> dict[str, Any]:
    return ana.announce(name, len(content), **{"blocks_sha256": blocks(content), **more})


def downloaded(ana: Person, item_id: str) -> bytes:
    return ana.http.get(f"/v1/items/{item_id}/content", follow_redirects=True, timeout=60).content


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), answer.text
    return told


def test_twenty_mebibytes_go_up_in_parts_through_failures_and_a_restart(stack: LocalStack, ana: Person) -> None:
    content = film()
    started = announced(ana, content)
    assert (started["strategy"], started["part_size"], started["part_count"]) == ("multipart", BLOCK, 3)
    assert [part["n"] for part in started["parts"]] == [1, 2, 3]
    _, second, third = started["parts"]
    # Out of order; one part is broken on the way, cut short, and sent under another part's address.
    assert send_part(third, content).status_code == 200
    broken = content[BLOCK : 2 * BLOCK - 1] + b"?"
    assert patient.put(second["url"], headers=second["headers"], content=broken).status_code == 400
    shorter = {**second["headers"], "content-length": "1000"}
    assert patient.put(second["url"], headers=shorter, content=content[:1000]).status_code in {400, 403}
    assert patient.put(second["url"], headers=second["headers"], content=content[:BLOCK]).status_code == 400
    told = refused(ana.complete(started["id"]), 409, "upload_incomplete")
    assert told["missing_parts"] == [1, 2]

    # Another client of hers goes on with nothing but the file and the upload's id.
    again = ana.get(f"/v1/uploads/{started['id']}")
    assert [(done["n"], done["size"]) for done in again["parts_done"]] == [(3, SIZE - 2 * BLOCK)]
    assert again["missing"] == [part["n"] for part in again["parts"]] == [1, 2]
    fresh = ana.http.post(f"/v1/uploads/{started['id']}/parts", json={"numbers": [2, 1]}).json()
    for part in fresh["parts"]:
        assert send_part(part, content).status_code == 200
    assert ana.get(f"/v1/uploads/{started['id']}")["missing"] == []

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(ana.complete, [started["id"]] * 2))
    assert {answer.status_code for answer in answers} <= {200, 202}
    done = ana.finished(started["id"])
    assert done["state"] == "committed", done
    item = ana.get(f"/v1/items/{done['item_id']}")
    assert (item["size"], item["content_hash"]) == (SIZE, whole_hash(content))
    assert downloaded(ana, item["id"]) == content
    assert ana.get("/v1/usage")["used"] == SIZE
    assert ana.get("/v1/usage")["reserved"] == 0
    steps = [step["step"] for step in ana.get(f"/v1/uploads/{started['id']}/timeline")["steps"]]
    assert steps[:3] == ["created", "assembling", "received"]
    assert ana.complete(started["id"]).json()["id"] == item["id"]


def test_parts_become_a_picture_with_a_preview(ana: Person) -> None:
    photo = images.jpeg(1600, 1200)
    started = announced(ana, photo, "photo.jpg", mode="multipart", mime_type="image/jpeg")
    assert send_part(started["parts"][0], photo).status_code == 200
    assert ana.complete(started["id"]).status_code in {200, 202}
    done = ana.finished(started["id"])
    assert done["state"] == "committed", done
    assert ana.previewed(done["item_id"])["preview"]["status"] == "ready"


def test_refused_bytes_that_came_in_parts_are_put_away(ana: Person) -> None:
    program = images.program() + film(BLOCK + 1)
    started = announced(ana, program, "invoice.jpg", mime_type="image/jpeg")
    for part in started["parts"]:
        assert send_part(part, program).status_code == 200
    ana.complete(started["id"])
    done = ana.finished(started["id"])
    assert (done["state"], done["reason"]) == ("rejected", "executable_in_disguise")
    assert ana.get("/v1/usage")["used"] == 0


@pytest.mark.parametrize("mode", ["auto", "multipart"])
def test_an_empty_file_goes_up_either_way(ana: Person, mode: str) -> None:
    started = announced(ana, b"", "empty.txt", mode=mode, mime_type="text/plain")
    sent = send_part(started["parts"][0], b"") if mode == "multipart" else ana.send(started, b"")
    assert sent.status_code == 200, sent.text
    ana.complete(started["id"])
    done = ana.finished(started["id"])
    assert done["state"] == "committed", done
    assert downloaded(ana, done["item_id"]) == b""


def test_named_parts_count_whatever_their_order_and_others_do_not(ana: Person) -> None:
    content = film(BLOCK + 10)
    started = announced(ana, content)
    at = f"/v1/uploads/{started['id']}"
    etags = {part["n"]: send_part(part, content).headers["etag"] for part in started["parts"]}
    swapped = {"parts": [{"n": 1, "etag": etags[2]}, {"n": 2, "etag": etags[1]}]}
    assert refused(ana.http.post(f"{at}/complete", json=swapped), 422, "checksum_mismatch")["parts"] == [1, 2]
    partly = {"parts": [{"n": 2, "etag": etags[2]}]}
    assert refused(ana.http.post(f"{at}/complete", json=partly), 409, "upload_incomplete")["missing_parts"] == [1]
    refused(ana.http.post(f"{at}/complete", json={"parts": [{"n": 3, "etag": "x"}]}), 422, "validation_failed")
    refused(ana.http.post(f"{at}/parts", json={"numbers": [3]}), 422, "validation_failed")
    right = {"parts": [{"n": 2, "etag": etags[2]}, {"n": 1, "etag": etags[1]}]}
    assert ana.http.post(f"{at}/complete", json=right).status_code in {200, 202}
    assert ana.finished(started["id"])["state"] == "committed"


def test_what_is_given_up_takes_no_more_parts_and_no_room(ana: Person) -> None:
    content = film(BLOCK + 10)
    started = announced(ana, content)
    assert send_part(started["parts"][0], content).status_code == 200
    assert ana.get("/v1/usage")["reserved"] == len(content)
    assert ana.http.delete(f"/v1/uploads/{started['id']}").status_code == 204
    assert ana.get("/v1/usage")["reserved"] == 0
    ana.wait_for(
        lambda: {"status": send_part(started["parts"][1], content).status_code},
        lambda sent: bool(sent["status"] == 404),
        within_seconds=60,
    )
    refused(ana.complete(started["id"]), 410, "upload_expired")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_killed_while_the_bucket_puts_parts_together_loses_nothing(
    stack: LocalStack, ana: Person, when: When
) -> None:
    content = film(BLOCK + 10)
    with killer_before(stack.variables["AWS_ENDPOINT_URL"], when) as killer:
        listen, internal = free_port(), free_port()
        process = stack.start_service(
            "coffer_files",
            "api",
            COFFER_FILES_LISTEN_PORT=str(listen),
            COFFER_FILES_INTERNAL_PORT=str(internal),
            AWS_ENDPOINT_URL_S3=killer.url,
        )
        api = Role(process, f"http://127.0.0.1:{listen}", f"http://127.0.0.1:{internal}").ready()
        doomed = ana.through(api.public)
        started = announced(doomed, content, f"{when}.bin")
        for part in started["parts"]:
            assert send_part(part, content).status_code == 200
        killer.victim = process.pid
        with pytest.raises(httpx.TransportError):
            doomed.complete(started["id"])
        assert killer.killed.wait(60)
        assert process.wait(60) == -signal.SIGKILL
    if when == "before":
        # Whoever asks again has it done; nobody has to know how far the other came.
        assert ana.complete(started["id"]).status_code in {200, 202}
    done = ana.finished(started["id"])
    assert done["state"] == "committed", done
    assert ana.get(f"/v1/items/{done['item_id']}")["content_hash"] == whole_hash(content)
    assert downloaded(ana, done["item_id"]) == content
    assert [child["name"] for child in ana.children()] == [f"{when}.bin"]


def recipe(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, name
    return found[1]


def run(script: str, folder: Path, stack: LocalStack, ana: Person) -> str:
    assert shutil.which("curl"), "the recipes need curl: apt-get install curl"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"COFFER": stack.url, "TOKEN": ana.tokens["access_token"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_recipe_for_one_piece_works_word_for_word(stack: LocalStack, ana: Person, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Read me.\n")
    # 202 with the upload, or 200 with the item if it was committed before the last line asked.
    answer = json.loads(run(recipe("single"), tmp_path, stack, ana))
    assert answer.get("resolved_name", answer.get("name")) == "note.txt"
    (upload,) = ana.get("/v1/uploads")["items"]
    assert ana.finished(upload["id"])["state"] == "committed"


def test_the_recipe_for_parts_works_word_for_word_and_twice(stack: LocalStack, ana: Person, tmp_path: Path) -> None:
    content = film()
    (tmp_path / "film.mp4").write_bytes(content)
    script = recipe("multipart")
    # The first run is stopped after one part: the second one goes on with the same upload.
    stopped = script.replace("    done < parts.txt", "    exit 0\n    done < parts.txt", 1)
    run(stopped, tmp_path, stack, ana)
    (upload,) = ana.get("/v1/uploads")["items"]
    assert [done["n"] for done in ana.get(f"/v1/uploads/{upload['id']}")["parts_done"]] == [1]
    run(script, tmp_path, stack, ana)
    done = ana.finished(upload["id"])
    assert done["state"] == "committed", done
    assert downloaded(ana, done["item_id"]) == content
    assert len(ana.get("/v1/uploads")["items"]) == 1


UPPY = """
import { coffer } from './coffer.mjs'
import { readFileSync } from 'node:fs'
const [address, token] = process.argv.slice(2)
const hooks = coffer(address, token)
const bytes = readFileSync('film.bin')
const file = { name: 'film.bin', size: bytes.length, type: 'application/octet-stream' }
const small = { name: 'note.txt', size: 5, type: 'text/plain' }
if (hooks.shouldUseMultipart(small) || !hooks.shouldUseMultipart(file)) throw new Error('wrong way')

// As Uppy does: one request, or parts of the length that it is told.
const single = await hooks.getUploadParameters(small)
const put = await fetch(single.url, { method: single.method, headers: single.headers, body: 'hello' })
if (!put.ok) throw new Error(await put.text())

const dropped = await hooks.createMultipartUpload({ ...file, name: 'dropped.bin' })
await hooks.abortMultipartUpload(file, dropped)

const upload = await hooks.createMultipartUpload(file)
const length = hooks.getChunkSize(file)
const count = Math.ceil(file.size / length)
const send = async (partNumber) => {
  const body = bytes.subarray((partNumber - 1) * length, partNumber * length)
  const { url, headers } = await hooks.signPart(file, { ...upload, partNumber, body })
  const answer = await fetch(url, { method: 'PUT', headers, body })
  if (!answer.ok) throw new Error(await answer.text())
  return { PartNumber: partNumber, ETag: answer.headers.get('etag') }
}
await send(1)
// The page is left and comes back: what the bucket has is not sent again.
const there = await hooks.listParts(file, upload)
if (there.length !== 1 || there[0].PartNumber !== 1 || there[0].Size !== length) throw new Error(JSON.stringify(there))
const parts = there.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
for (let number = 2; number <= count; number++) parts.push(await send(number))
const { location } = await hooks.completeMultipartUpload(file, { ...upload, parts })
console.log(location)
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="the recipe is JavaScript, and Coffer itself needs no Node")
def test_uppys_sequence_of_calls_works_with_the_functions_of_the_page(stack: LocalStack, ana: Person, tmp_path: Path) -> None:
    content = film()
    (tmp_path / "film.bin").write_bytes(content)
    (tmp_path / "coffer.mjs").write_text(recipe("uppy"))
    (tmp_path / "sequence.mjs").write_text(UPPY)
    done = subprocess.run(
        ["node", "sequence.mjs", stack.url, ana.tokens["access_token"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    finished = ana.finished(done.stdout.strip().rpartition("/")[2])
    assert finished["state"] == "committed", finished
    assert downloaded(ana, finished["item_id"]) == content
    ends = {upload["resolved_name"]: upload["state"] for upload in ana.get("/v1/uploads")["items"]}
    assert ends["dropped.bin"] == "aborted"
    deadline = time.monotonic() + 60
    while not any(child["name"] == "note.txt" for child in ana.children()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
