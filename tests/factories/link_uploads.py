"""What visitors of public links send, step by step, over HTTP."""

from typing import Any

from httpx import AsyncClient, Response

from coffer_chassis.ids import new_id
from coffer_contracts.ids import UploadId
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.items import make_folder
from factories.bytes import put
from factories.files import Files, cleared


async def folder_of(files: Files, parent: str = "root") -> str:
    """A new folder of the owner."""
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=new_id(), conflict="fail")
    return made.at.item.id


def refused(answer: Response, status: int, code: str) -> Any:
    """The problem that a request was answered with."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


def wanted(folder: str, **changes: Any) -> dict[str, Any]:
    """A file that is announced."""
    return {"parent_id": folder, "name": "cv.pdf", "size": 100, **changes}


async def begun(http: AsyncClient, folder: str, **changes: Any) -> Any:
    """An upload that was announced, as it was answered."""
    answer = await http.post("/v1/uploads", json=wanted(folder, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def arrived(files: Files, http: AsyncClient, upload_id: UploadId) -> Upload:
    """The bytes are there and were let in; the upload as it stands."""
    etag = await put(files, await files.now(upload_id))
    assert (await http.post(f"/v1/uploads/{upload_id}/complete")).status_code == 202
    await files.handle(cleared(await files.now(upload_id), etag=etag))
    return await files.now(upload_id)


async def sent(files: Files, http: AsyncClient, folder: str, **changes: Any) -> Upload:
    """An upload from its announcement to its verdict."""
    return await arrived(files, http, (await begun(http, folder, **changes))["id"])


async def names_in(files: Files, folder: str) -> list[str]:
    """What lies in a folder, as its owner sees it."""
    async with files.client() as http:
        return [item["name"] for item in (await http.get(f"/v1/items/{folder}/children")).json()["items"]]
