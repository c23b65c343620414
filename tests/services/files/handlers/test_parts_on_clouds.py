"""Uploads in parts over a real client of S3, on two clouds that were written by others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from coffer_chassis.aws import open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.topology import BlobAccess, ServiceTopology, Topology
from coffer_contracts.problems import UploadIncomplete
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.burying import bury
from coffer_files.handlers.parts import SignedPart, sign_missing
from coffer_files.handlers.sending import look_at_upload
from coffer_files.handlers.sweeping import sweep
from factories.cloud import Cloud
from factories.files import Files, files_on
from factories.moto_cloud import AnyCloud, MotoCloud
from factories.parts import SIZE, content, digests, part, whole_hash

pytestmark = pytest.mark.slow


@pytest.fixture(params=["ministack", "moto"])
async def files(request: pytest.FixtureRequest, store: str, tag: str) -> AsyncIterator[Files]:
    cloud: AnyCloud = request.getfixturevalue("cloud" if request.param == "ministack" else "moto")
    assert isinstance(cloud, Cloud | MotoCloud)
    access_to = BlobAccess("blobs/", read=True, write=True, delete=True, tidy=True)
    topology = Topology(f"parts-{tag}", (ServiceTopology(f"files-{tag}", (), (access_to,)),))
    (access,) = cloud.provision(topology).values()
    assert access.access_key_id
    assert access.secret_access_key
    key = SigningKey(access.access_key_id, access.secret_access_key.get_secret_value())
    presigner = Presigner(f"{cloud.endpoint}/{topology.bucket}", access.region)
    async with files_on(store, default_quota_bytes=10**9) as service, open_clients(access, receivers=1, wait_seconds=1) as aws:
        # The bucket has a clock of its own, which addresses are made by.
        service.clock.moment = SystemClock().now()
        bucket = S3Blobs(aws.s3, bucket=topology.bucket, presigner=presigner, clock=service.clock, credentials=lambda: key)
        yield replace(service, deps=replace(service.deps, blobs=bucket), blobs=bucket)


async def send(signed: list[SignedPart], *numbers: int) -> list[int]:
    async with httpx.AsyncClient(timeout=30) as client:
        answers = [
            await client.put(one.request.url, content=part(one.number), headers=dict(one.request.headers))
            for one in signed
            if one.number in numbers
        ]
    return [answer.status_code for answer in answers]


async def complete(files: Files, upload: Upload) -> Upload:
    return await commands.complete_upload(files.deps, files.owner, files.origin, upload.id)


@pytest.mark.parametrize("announced", [{"blocks_sha256": digests()}, {}], ids=["hashed", "plain"])
async def test_parts_become_a_file_on_any_cloud(files: Files, announced: Any) -> None:
    upload = await files.start("film.mp4", SIZE, **announced)
    signed = await sign_missing(files.deps, upload)
    assert await send(signed, 3, 1) == [200, 200]
    with pytest.raises(UploadIncomplete) as refusal:
        await complete(files, upload)
    assert refusal.value.extensions == {"missing_parts": [2]}
    _, standing, again = await look_at_upload(files.deps, files.owner, upload.id)
    assert standing is not None
    assert [one.number for one in standing.done] == [1, 3]
    assert await send(again, 2) == [200]
    received = await complete(files, upload)
    assert received.state == "received"
    assert received.content_hash == (whole_hash(digests()) if announced else None)
    assert await files.blobs.read(upload.blob_key, etag=received.etag) == content()
    assert (await complete(files, upload)).state == "received"


@pytest.mark.parametrize("files", ["ministack"], indirect=True)
async def test_a_cloud_that_checks_takes_no_part_that_was_not_announced(files: Files) -> None:
    upload = await files.start("film.mp4", SIZE, blocks_sha256=(*digests()[:2], digests()[0]))
    assert await send(await sign_missing(files.deps, upload), 1, 2, 3) == [200, 200, 400]
    with pytest.raises(UploadIncomplete):
        await complete(files, upload)
    assert await files.blobs.head(upload.blob_key) is None


@pytest.mark.parametrize("files", ["moto"], indirect=True)
async def test_what_a_cloud_that_checks_nothing_took_fails_in_the_end(files: Files) -> None:
    upload = await files.start("film.mp4", SIZE, blocks_sha256=(*digests()[:2], digests()[0]))
    assert await send(await sign_missing(files.deps, upload), 1, 2, 3) == [200, 200, 200]
    failed = await complete(files, upload)
    assert (failed.state, failed.reason) == ("failed", "checksum_mismatch")


async def test_what_is_given_up_leaves_nothing_on_any_cloud(files: Files) -> None:
    upload = await files.start("film.mp4", SIZE)
    assert await send(await sign_missing(files.deps, upload), 1) == [200]
    await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
    await bury(files.deps)
    assert [one async for one in files.blobs.open_multiparts("blobs/") if one.key == upload.blob_key] == []
    await sweep(files.deps)
    assert await files.blobs.head(upload.blob_key) is None
