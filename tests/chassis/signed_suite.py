"""What the bucket over S3 does on any cloud: the suite of all buckets, and what signed addresses allow.

A test module gives the fixture `cloud`; the local cloud is the default.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import ClassVar

import httpx
import pytest
import pytest_asyncio

from chassis.blob_suite import CONTENT, DIGEST, OTHER, BlobSuite
from chassis.parts_suite import PartsSuite, digest
from coffer_chassis.aws import open_clients
from coffer_chassis.blobs import PUT_BYTES, SignedForm
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.signed import SignedRequest
from coffer_chassis.testing import FixedClock
from coffer_chassis.topology import BlobAccess, ServiceTopology, Topology
from factories.moto_cloud import AnyCloud

ORIGIN = "https://drive.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def blobs(cloud: AnyCloud, tag: str) -> AsyncIterator[S3Blobs]:
    files = ServiceTopology(f"files-{tag}", (), (BlobAccess("blobs/", read=True, write=True, delete=True, tidy=True),))
    topology = Topology(f"bucket-{tag}", (files,))
    (access,) = cloud.provision(topology, web_origins=(ORIGIN,)).values()
    assert access.access_key_id
    assert access.secret_access_key
    key = SigningKey(access.access_key_id, access.secret_access_key.get_secret_value())
    presigner = Presigner(f"{cloud.endpoint}/{topology.bucket}", access.region)
    async with open_clients(access, receivers=1, wait_seconds=1) as clients:
        yield S3Blobs(clients.s3, bucket=topology.bucket, presigner=presigner, clock=SystemClock(), credentials=lambda: key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


def signed(blobs: S3Blobs, key: str, *, sha256: bool = True, seconds: int = 300) -> SignedRequest:
    digest = DIGEST if sha256 else None
    return blobs.presign_put(key, length=len(CONTENT), content_type="image/jpeg", sha256_hex=digest, expires_seconds=seconds)


async def send(client: httpx.AsyncClient, request: SignedRequest, content: bytes, **headers: str) -> int:
    answer = await client.request(request.method, request.url, content=content, headers={**request.headers, **headers})
    return answer.status_code


async def post(client: httpx.AsyncClient, form: SignedForm, content: bytes) -> int:
    answer = await client.post(form.url, data=dict(form.fields), files={"file": ("a.bin", content)})
    return answer.status_code


class SignedSuite(BlobSuite, PartsSuite):
    """Subclasses need the fixtures of this module, and the module's event loop."""

    checks_signatures: ClassVar[bool]
    """Whether this cloud refuses anything at all under a signed address. One that does inherits RefusalSuite too."""

    async def begin_multipart(self, blobs: S3Blobs, key: str) -> str:
        return await blobs.begin_multipart(key, content_type="text/plain", hashed=False)

    async def put_part(self, blobs: S3Blobs, key: str, multipart_id: str, number: int, content: bytes, *, hashed: bool) -> bool:
        sha256 = digest(content) if hashed else None
        request = blobs.presign_part(key, multipart_id, number, length=len(content), sha256_hex=sha256, expires_seconds=60)
        async with httpx.AsyncClient(timeout=60) as client:
            return await send(client, request, content) == 200

    async def test_this_cloud_checks_signatures_or_not(self, blobs: S3Blobs, client: httpx.AsyncClient, key: str) -> None:
        request = signed(blobs, key)
        forged = replace(request, url=request.url[:-8] + "00000000")
        assert await send(client, forged, CONTENT) == (403 if self.checks_signatures else 200)

    @pytest.mark.parametrize("sha256", [True, False], ids=["with digest", "without"])
    async def test_a_signed_put_stores_what_was_announced(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str, sha256: bool
    ) -> None:
        assert await send(client, signed(blobs, key, sha256=sha256), CONTENT) == 200
        head = await blobs.head(key)
        assert head
        assert (head.size_bytes, head.content_type) == (len(CONTENT), "image/jpeg")
        assert head.etag == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        assert await blobs.read(key, etag=head.etag) == CONTENT

    async def test_a_signed_form_stores_what_was_announced(self, blobs: S3Blobs, client: httpx.AsyncClient, key: str) -> None:
        assert await post(client, blobs.presign_post(key, length=len(CONTENT), expires_seconds=300), CONTENT) in {200, 204}
        head = await blobs.head(key)
        assert head
        assert head.size_bytes == len(CONTENT)
        assert await blobs.read(key) == CONTENT

    async def test_a_form_for_what_s3_does_not_take_is_not_signed(self, blobs: S3Blobs, key: str) -> None:
        for length, seconds in ((PUT_BYTES + 1, 300), (-1, 300), (1, 0), (1, 8 * 24 * 3600)):
            with pytest.raises(ValueError, match=r"bytes|lives"):
                blobs.presign_post(key, length=length, expires_seconds=seconds)

    @pytest.mark.parametrize("fresh", [True, False])
    async def test_a_signed_get_answers_with_the_given_type_and_disposition(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str, fresh: bool
    ) -> None:
        await blobs.write(key, CONTENT, content_type="text/html")
        disposition = "attachment; filename=\"a b.bin\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.bin"
        url = blobs.presign_get(
            key, content_type="application/octet-stream", disposition=disposition, expires_seconds=60, fresh=fresh
        )
        answer = await client.get(url)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == disposition
        assert (await client.get(url, headers={"range": "bytes=10-19"})).content == CONTENT[10:20]

    async def test_a_page_of_the_web_app_may_put_and_see_the_etag(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str
    ) -> None:
        request = signed(blobs, key)
        asked = {
            "origin": ORIGIN,
            "access-control-request-method": "PUT",
            "access-control-request-headers": "content-type,if-none-match,x-amz-checksum-sha256",
        }
        allowed = await client.options(request.url, headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        stored = await client.put(request.url, content=CONTENT, headers={**request.headers, "origin": ORIGIN})
        assert stored.status_code == 200
        assert "etag" in stored.headers["access-control-expose-headers"].lower()
        stranger = await client.options(request.url, headers=asked | {"origin": "https://evil.example"})
        assert stranger.headers.get("access-control-allow-origin") is None

    async def test_signed_gets_are_the_same_for_a_while_and_live_long_enough(self, blobs: S3Blobs) -> None:
        clock = FixedClock()
        steady = S3Blobs(None, bucket="", presigner=blobs._presigner, clock=clock, credentials=blobs._credentials)

        def url(*, fresh: bool = False, seconds: int = 60) -> str:
            return steady.presign_get("a", content_type="b", disposition="c", expires_seconds=seconds, fresh=fresh)

        first, fresh = url(), url(fresh=True)
        assert "X-Amz-Expires=960" in first
        assert "X-Amz-Expires=60&" in fresh
        clock.advance(minutes=14, seconds=59)
        assert url() == first
        assert url(fresh=True) != fresh
        clock.advance(seconds=1)
        assert url() != first
        assert "X-Amz-Expires=604800" in url(seconds=604800)


class RefusalSuite:
    """What signed addresses refuse, on a cloud that checks them as S3 does."""

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            pytest.param(CONTENT + b"!", {"content-length": "101"}, id="longer"),
            pytest.param(CONTENT[:-1], {"content-length": "99"}, id="shorter"),
            pytest.param(b"", {"content-length": "0"}, id="empty"),
            pytest.param(CONTENT, {"content-type": "text/html"}, id="another type"),
            pytest.param(OTHER, {}, id="other bytes of the same length"),
            pytest.param(CONTENT, {"if-none-match": "x"}, id="another condition"),
        ],
    )
    async def test_a_signed_put_refuses_anything_else(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str, content: bytes, headers: dict[str, str]
    ) -> None:
        assert await send(client, signed(blobs, key), content, **headers) in {400, 403}
        assert await blobs.head(key) is None

    async def test_a_signed_put_without_its_headers_is_refused(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str
    ) -> None:
        request = signed(blobs, key)
        for name in ("if-none-match", "content-type", "x-amz-checksum-sha256"):
            fewer = replace(request, headers={header: value for header, value in request.headers.items() if header != name})
            assert await send(client, fewer, CONTENT) in {400, 403}
        assert await blobs.head(key) is None

    async def test_a_second_put_under_the_same_address_is_refused(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str
    ) -> None:
        request = signed(blobs, key)
        assert await send(client, request, CONTENT) == 200
        assert await send(client, request, CONTENT) == 412
        assert await send(client, signed(blobs, key), CONTENT) == 412

    async def test_a_signed_put_is_for_one_key_method_and_time(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str
    ) -> None:
        request = signed(blobs, key)
        elsewhere = replace(request, url=request.url.replace(key, f"{key}2"))
        assert await send(client, elsewhere, CONTENT) == 403
        assert await send(client, replace(request, method="DELETE"), CONTENT) == 403
        stretched = replace(request, url=request.url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"))
        assert await send(client, stretched, CONTENT) == 403
        past = FixedClock()
        past.moment = SystemClock().now()
        past.advance(hours=-1)
        late = S3Blobs(None, bucket="", presigner=blobs._presigner, clock=past, credentials=blobs._credentials)
        assert await send(client, signed(late, key), CONTENT) == 403
        assert await blobs.head(key) is None

    @pytest.mark.parametrize("content", [CONTENT + b"!", CONTENT[:-1], b""], ids=["longer", "shorter", "empty"])
    async def test_a_signed_form_takes_no_other_length(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str, content: bytes
    ) -> None:
        form = blobs.presign_post(key, length=len(CONTENT), expires_seconds=300)
        assert await post(client, form, content) in {400, 403}
        assert await blobs.head(key) is None

    async def test_a_signed_form_is_for_one_key_and_policy_and_time(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str
    ) -> None:
        form = blobs.presign_post(key, length=len(CONTENT), expires_seconds=300)
        wider = base64.b64encode(base64.b64decode(form.fields["policy"]).replace(b"[100, 100]"[1:4], b"999")).decode()
        for bent in ({"key": f"{key}2"}, {"policy": wider}, {"x-amz-signature": "0" * 64}):
            assert await post(client, replace(form, fields={**form.fields, **bent}), CONTENT) == 403
        past = FixedClock()
        past.moment = SystemClock().now()
        past.advance(hours=-1)
        late = S3Blobs(None, bucket=blobs._bucket, presigner=blobs._presigner, clock=past, credentials=blobs._credentials)
        assert await post(client, late.presign_post(key, length=len(CONTENT), expires_seconds=300), CONTENT) == 403
        assert await blobs.head(key) is None

    async def test_a_signed_get_is_for_one_answer(self, blobs: S3Blobs, client: httpx.AsyncClient, key: str) -> None:
        await blobs.write(key, CONTENT, content_type="text/html")
        url = blobs.presign_get(key, content_type="application/octet-stream", disposition="attachment", expires_seconds=60)
        assert (await client.get(url)).status_code == 200
        assert (await client.get(url.replace("octet-stream", "x-sh"))).status_code == 403
        assert (await client.get(url.partition("?")[0])).status_code == 403

    async def test_a_service_cannot_sign_for_a_prefix_that_is_not_its_own(
        self, blobs: S3Blobs, client: httpx.AsyncClient
    ) -> None:
        assert await send(client, signed(blobs, "previews/a"), CONTENT) == 403

    @pytest.mark.parametrize("bent", ["longer", "shorter", "other bytes", "another number", "another upload", "no checksum"])
    async def test_a_signed_part_takes_exactly_what_was_announced(
        self, blobs: S3Blobs, client: httpx.AsyncClient, key: str, bent: str
    ) -> None:
        multipart_id = await blobs.begin_multipart(key, content_type="text/plain", hashed=True)
        other = await blobs.begin_multipart(key, content_type="text/plain", hashed=True)
        request = blobs.presign_part(key, multipart_id, 1, length=len(CONTENT), sha256_hex=DIGEST, expires_seconds=60)
        content, headers = CONTENT, dict(request.headers)
        if bent in {"longer", "shorter"}:
            content = CONTENT + b"!" if bent == "longer" else CONTENT[:-1]
            headers["content-length"] = str(len(content))
        elif bent == "other bytes":
            content = OTHER
        elif bent == "another number":
            request = replace(request, url=request.url.replace("partNumber=1&", "partNumber=2&"))
        elif bent == "another upload":
            request = replace(request, url=request.url.replace(multipart_id, other))
        else:
            del headers["x-amz-checksum-sha256"]
        assert await send(client, replace(request, headers=headers), content) in {400, 403}
        assert await blobs.parts(key, multipart_id) == await blobs.parts(key, other) == []
        for begun in (multipart_id, other):
            await blobs.abort_multipart(key, begun)
