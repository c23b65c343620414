"""Objects are encrypted as the settings say, whoever makes them and however: the suite for every cloud.

A test module gives the fixture `cloud`; the local cloud is the default.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import pytest
import pytest_asyncio

from chassis.blob_suite import CONTENT, DIGEST
from coffer_chassis.aws import open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.clock import SystemClock
from coffer_chassis.encryption import PLAIN, Encryption
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.topology import BlobAccess, ServiceTopology, Topology
from factories.moto_cloud import AnyCloud

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
METHODS = {
    "SSE-S3": Encryption("AES256"),
    "SSE-KMS": Encryption("aws:kms", KEY_ID),
    "SSE-KMS without a bucket key": Encryption("aws:kms", KEY_ID, bucket_key=False),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(cloud: AnyCloud, tag: str) -> AsyncIterator[S3Blobs]:
    """The bucket without anything said of encryption."""
    files = ServiceTopology(f"files-{tag}", (), (BlobAccess("blobs/", read=True, write=True, delete=True, tidy=True),))
    topology = Topology(f"bucket-{tag}", (files,))
    (access,) = cloud.provision(topology).values()
    assert access.access_key_id
    assert access.secret_access_key
    key = SigningKey(access.access_key_id, access.secret_access_key.get_secret_value())
    presigner = Presigner(f"{cloud.endpoint}/{topology.bucket}", access.region)
    async with open_clients(access, receivers=1, wait_seconds=1) as clients:
        yield S3Blobs(clients.s3, bucket=topology.bucket, presigner=presigner, clock=SystemClock(), credentials=lambda: key)


@pytest.fixture(params=list(METHODS.values()), ids=list(METHODS))
def encryption(request: pytest.FixtureRequest) -> Encryption:
    method: Encryption = request.param
    return method


@pytest.fixture
def blobs(plain: S3Blobs, encryption: Encryption) -> S3Blobs:
    return S3Blobs(
        plain._client,
        bucket=plain._bucket,
        presigner=plain._presigner,
        clock=plain._clock,
        credentials=plain._credentials,
        encryption=encryption,
    )


async def encrypted(blobs: S3Blobs, key: str) -> Encryption:
    """How the object is encrypted, as the cloud says."""
    head: dict[str, Any] = await blobs._client.head_object(Bucket=blobs._bucket, Key=key)
    method = head.get("ServerSideEncryption", "none")
    key_id = head.get("SSEKMSKeyId")
    return Encryption(method, key_id.rpartition("/")[2] if key_id else None, bucket_key=head.get("BucketKeyEnabled", False))


class EncryptionSuite:
    """Subclasses need the fixtures of this module, and the module's event loop."""

    checks_signatures: ClassVar[bool]
    tells_bucket_keys: ClassVar[frozenset[str]] = frozenset({"write", "copy", "put", "parts", "form"})
    """For objects that came in which way this cloud tells whether a bucket key is used; S3 does for all."""
    encrypts_forms: ClassVar[bool] = True
    """Whether this cloud does what a form says of encryption, as S3 does."""

    @pytest.fixture
    def key(self, request: pytest.FixtureRequest) -> str:
        return f"blobs/owner/{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}"

    def expected(self, encryption: Encryption, way: str) -> Encryption:
        told = encryption.method == "aws:kms" and way in self.tells_bucket_keys
        return encryption if told else replace(encryption, bucket_key=False)

    async def test_what_a_service_writes(self, blobs: S3Blobs, encryption: Encryption, key: str) -> None:
        await blobs.write(key, CONTENT, content_type="text/plain")
        assert await encrypted(blobs, key) == self.expected(encryption, "write")
        assert await blobs.read(key) == CONTENT

    async def test_what_a_service_copies(self, plain: S3Blobs, blobs: S3Blobs, encryption: Encryption, key: str) -> None:
        source = await plain.write(key, CONTENT, content_type="text/plain")
        etag = await blobs.copy(key, f"{key}-copy", etag=source)
        assert await encrypted(blobs, f"{key}-copy") == self.expected(encryption, "copy")
        head = await blobs.head(f"{key}-copy")
        assert head is not None
        assert head.etag == etag

    async def test_what_a_client_puts(self, blobs: S3Blobs, encryption: Encryption, key: str) -> None:
        request = blobs.presign_put(key, length=len(CONTENT), content_type="image/jpeg", sha256_hex=DIGEST, expires_seconds=300)
        async with httpx.AsyncClient(timeout=60) as client:
            bare = {name: value for name, value in request.headers.items() if "encryption" not in name}
            assert len(bare) < len(request.headers)
            if self.checks_signatures:
                assert (await client.put(request.url, content=CONTENT, headers=bare)).status_code in {400, 403}
                other = {**request.headers, "x-amz-server-side-encryption": "aws:kms:dsse"}
                assert (await client.put(request.url, content=CONTENT, headers=other)).status_code in {400, 403}
                assert await blobs.head(key) is None
            sent = await client.put(request.url, content=CONTENT, headers=dict(request.headers))
            assert sent.status_code == 200, sent.text
        assert await encrypted(blobs, key) == self.expected(encryption, "put")

    async def test_what_a_client_puts_in_parts(self, blobs: S3Blobs, encryption: Encryption, key: str) -> None:
        multipart_id = await blobs.begin_multipart(key, content_type="image/jpeg", hashed=False)
        request = blobs.presign_part(key, multipart_id, 1, length=len(CONTENT), sha256_hex=None, expires_seconds=300)
        async with httpx.AsyncClient(timeout=60) as client:
            sent = await client.put(request.url, content=CONTENT, headers=dict(request.headers))
            assert sent.status_code == 200, sent.text
        parts = await blobs.parts(key, multipart_id)
        await blobs.complete_multipart(key, multipart_id, parts, hashed=False)
        assert await encrypted(blobs, key) == self.expected(encryption, "parts")
        assert await blobs.read(key) == CONTENT

    async def test_what_a_form_brings(self, blobs: S3Blobs, encryption: Encryption, key: str) -> None:
        form = blobs.presign_post(key, length=len(CONTENT), expires_seconds=300)
        async with httpx.AsyncClient(timeout=60) as client:
            bare = {name: value for name, value in form.fields.items() if "encryption" not in name}
            assert len(bare) < len(form.fields)
            if self.checks_signatures:
                refused = await client.post(form.url, data=bare, files={"file": ("a", CONTENT)})
                assert refused.status_code in {400, 403}
                assert await blobs.head(key) is None
            sent = await client.post(form.url, data=dict(form.fields), files={"file": ("a", CONTENT)})
            assert sent.status_code in {200, 204}, sent.text
        if self.encrypts_forms:
            assert await encrypted(blobs, key) == self.expected(encryption, "form")

    async def test_nothing_is_said_unless_it_is_set(self, plain: S3Blobs, key: str) -> None:
        request = plain.presign_put(key, length=1, content_type="a/b", sha256_hex=None, expires_seconds=60)
        assert set(request.headers) == {"content-length", "content-type", "if-none-match"}
        assert (PLAIN.headers, PLAIN.arguments) == ({}, {})
