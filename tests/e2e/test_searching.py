"""Looking for things in the running system: names at once, texts when the media worker has told of one, shares when given."""

import asyncio
from typing import Any

import asyncpg
import boto3
import pytest
from botocore.config import Config

from coffer_contracts.ids import BlobId, ItemId, UserId, VersionId
from coffer_contracts.media import ExtractedText, PreviewImage, PreviewReadyV1
from factories import images
from factories.files import envelope
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def names(person: Person, **query: Any) -> list[str]:
    return [found["item"]["name"] for found in person.get("/v1/search", **query)["items"]]


def of_media_worker(stack: LocalStack, service: str) -> Any:
    """A client of the cloud with the rights of the media worker."""
    settings = stack.variables
    return boto3.client(
        service,
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name=settings["AWS_REGION"],
        aws_access_key_id=settings["COFFER_MEDIA_WORKER_AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["COFFER_MEDIA_WORKER_AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
    )


def stored_object(stack: LocalStack, item_id: str) -> Any:
    """Version and object of a file."""
    query = "SELECT v.id::text, v.blob_id::text FROM items i JOIN versions v ON v.id = i.version_id WHERE i.id = $1"

    async def ask() -> Any:
        connection = await asyncpg.connect(stack.variables["COFFER_FILES_DATABASE_URL"].replace("+asyncpg", ""))
        try:
            return await connection.fetchrow(query, item_id)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_who_uploads_and_looks_finds_it_at_once_and_others_when_it_is_shared(stack: LocalStack, ana: Person) -> None:
    bob = Person.at(stack.url)
    folder = ana.folder("Sommerfotos")["id"]
    ana.upload("IMG_2024_strand.jpg", images.jpeg(64, 48), parent=folder, mime_type="image/jpeg")
    assert names(ana, q="strand") == ["IMG_2024_strand.jpg"]
    assert names(ana, q="2024", type="image", **{"in": folder}) == ["IMG_2024_strand.jpg"]
    assert names(bob, q="strand") == []
    ana.share(folder, bob, "viewer")
    bob.sees(folder)
    assert names(bob, q="strand") == ["IMG_2024_strand.jpg"]
    assert [item["name"] for item in bob.get("/v1/search/suggest", q="somm")["items"]] == ["Sommerfotos"]


def test_a_text_that_the_media_worker_wrote_is_found(stack: LocalStack, ana: Person) -> None:
    upload = ana.upload("scan.jpg", images.jpeg(64, 48), mime_type="image/jpeg")
    ana.previewed(upload["item_id"])
    version_id, blob_id = stored_object(stack, upload["item_id"])
    key = f"previews/{blob_id}/text"
    said = "Überweisung an die Stadtwerke"
    of_media_worker(stack, "s3").put_object(Bucket=stack.variables.get("COFFER_BUCKET", "coffer"), Key=key, Body=said.encode())
    fact = envelope(
        PreviewReadyV1(
            item_id=ItemId(upload["item_id"]),
            version_id=VersionId(version_id),
            owner_id=UserId(ana.id),
            ancestor_ids=(),
            blob_id=BlobId(blob_id),
            images=(PreviewImage(box_pixels=400, key=key, mime_type="image/webp", width=4, height=3, size_bytes=5),),
            text=ExtractedText(key=key, size_bytes=len(said.encode())),
        ),
        source="/media-worker",
    )
    topics = of_media_worker(stack, "sns")
    arn = next(one["TopicArn"] for one in topics.list_topics()["Topics"] if one["TopicArn"].endswith(":media-worker-events"))
    topics.publish(
        TopicArn=arn, Message=fact.to_json(), MessageAttributes={"type": {"DataType": "String", "StringValue": fact.type}}
    )
    page = ana.wait_for(lambda: ana.get("/v1/search", q="stadtw"), lambda page: bool(page["items"]), within_seconds=20)
    (found,) = page["items"]
    assert found["item"]["name"] == "scan.jpg"
    assert found["highlights"]["text"] == {"text": said, "ranges": [{"start": 19, "length": 6}]}
