"""Photos of people in the media worker: squares from honest pictures, reasons for all else, and no answer twice."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_auth.domain.photos import TYPES as ANNOUNCED
from coffer_chassis.handling import Retry
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Duplicate, Work
from coffer_contracts.auth_photos import PhotoReceivedV1
from coffer_contracts.ids import PhotoId, UserId
from coffer_media_worker.children import Children, Early
from coffer_media_worker.domain import RENDERABLE, PreviewOutcome
from coffer_media_worker.handlers import photos
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.imaging import render
from coffer_media_worker.sources import Source
from coffer_media_worker.store import tables
from coffer_media_worker.warm import ChildrenLost
from factories import heic, images
from factories.children import PATIENT
from factories.databases import Database
from factories.events import NOON, arrived

pytestmark = pytest.mark.slow  # renders real pictures in real children


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def children() -> AsyncIterator[Children]:
    pool = Children(2, PATIENT)
    await pool.start()
    yield pool
    await pool.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deps(database: Database, children: Children) -> AsyncIterator[Deps]:
    engine = create_async_engine(database("coffer_media_worker"))
    clock = FixedClock()
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def received(deps: Deps, content: bytes, **changes: Any) -> PhotoReceivedV1:
    user, photo = UserId(new_id()), PhotoId(new_id())
    key = f"photos/incoming/{user}/{photo}"
    etag = await deps.blobs.write(key, content, content_type="image/jpeg")
    known = {"photo_id": photo, "user_id": user, "key": key, "etag": etag, "size_bytes": len(content)}
    return PhotoReceivedV1(**known | {"claimed_mime_type": "image/jpeg", "attempt": 1, "received_at": NOON} | changes)


async def answers(deps: Deps, fact: PhotoReceivedV1) -> list[dict[str, Any]]:
    outbox = tables.chassis.outbox
    async with deps.work.read() as connection:
        query = select(outbox.c.body).where(outbox.c.subject == fact.subject).order_by(outbox.c.position)
        return [json.loads(body) for body in (await connection.execute(query)).scalars()]


async def answered(deps: Deps, fact: PhotoReceivedV1) -> dict[str, Any]:
    await photos.on_photo_received(arrived(fact, source="/auth"), deps)
    [answer] = await answers(deps, fact)
    return answer


async def square_of(deps: Deps, answer: dict[str, Any]) -> Image.Image:
    picture = Image.open(io.BytesIO(await deps.blobs.read(answer["data"]["key"])))
    picture.load()
    return picture


def test_what_may_be_announced_as_a_photo_is_what_can_be_drawn() -> None:
    assert ANNOUNCED == RENDERABLE


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "avif", "bmp", "tiff", "heic"])
async def test_a_picture_becomes_a_square_of_400_without_anything_else(deps: Deps, kind: str) -> None:
    source = {
        "jpeg": images.jpeg(640, 480, orientation=6, comment=b"taken at home"),
        "png": images.png(300, 200),
        "gif": images.gif(64, 48),
        "webp": images.webp(2000, 1000),
        "avif": images.of_kind("avif", 320, 240),
        "bmp": images.of_kind("bmp", 320, 240),
        "tiff": images.of_kind("tiff deflate", 320, 240),
        "heic": heic.UPRIGHT,
    }[kind]
    fact = await received(deps, source)
    answer = await answered(deps, fact)
    if kind == "heic" and find_spec("pi_heif") is None:
        assert answer["data"]["reason"] == "unsupported"
        pytest.skip("pi-heif is not installed")
    assert answer["type"] == "media.photo.ready.v1"
    data = answer["data"]
    assert data["key"] == f"photos/{fact.user_id}/{data['name']}"
    assert (data["side_pixels"], data["mime_type"], data["etag"]) == (400, "image/webp", fact.etag)
    picture = await square_of(deps, answer)
    assert (picture.format, picture.size) == ("WEBP", (400, 400))
    assert not {"exif", "icc_profile", "comment", "xmp"} & set(picture.info)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"Dear diary, this is no picture.\n" * 20, "not_an_image", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not_an_image", id="svg"),
        pytest.param(b"", "not_an_image", id="empty"),
        pytest.param(images.pdf(), "not_an_image", id="pdf"),
        pytest.param(images.cut(images.jpeg(640, 480)), "corrupt", id="cut jpeg"),
        pytest.param(images.cut(images.png(640, 480)), "corrupt", id="cut png"),
        pytest.param(images.png_bomb(), "bomb", id="png bomb"),
        pytest.param(images.gif_bomb(), "bomb", id="gif bomb"),
        pytest.param(images.many_scans(300, 64, 64), "bomb", id="thousands of scans"),
        pytest.param(images.program(), "executable_in_disguise", id="program"),
        pytest.param(images.jpeg(64, 64) + images.archive({"a": b"b"}), "polyglot", id="picture and archive"),
    ],
)
async def test_what_is_no_picture_is_refused_with_a_reason(deps: Deps, content: bytes, reason: str) -> None:
    fact = await received(deps, content)
    answer = await answered(deps, fact)
    assert (answer["type"], answer["data"]["reason"]) == ("media.photo.rejected.v1", reason)
    assert answer["data"]["detail"].endswith(".")
    assert await deps.blobs.listed(f"photos/{fact.user_id}/") == []


async def test_more_than_five_mebibytes_are_not_even_read(deps: Deps) -> None:
    fact = await received(deps, b"", size_bytes=6 * 1024 * 1024)
    await deps.blobs.delete([fact.key])
    assert (await answered(deps, fact))["data"]["reason"] == "too_large"


async def test_the_same_fact_twice_is_answered_once(deps: Deps) -> None:
    event = arrived(await received(deps, images.jpeg(64, 64)), source="/auth")
    await photos.on_photo_received(event, deps)
    with pytest.raises(Duplicate):
        await photos.on_photo_received(event, deps)
    assert len(await answers(deps, event.data)) == 1


async def test_a_second_question_gets_the_first_answer_and_brings_nothing_back(deps: Deps) -> None:
    fact = await received(deps, images.jpeg(64, 64))
    first = await answered(deps, fact)
    await deps.blobs.delete([first["data"]["key"], fact.key])
    await photos.on_photo_received(arrived(fact.model_copy(update={"attempt": 2}), source="/auth"), deps)
    _, second = await answers(deps, fact)
    assert second["data"] == first["data"]
    assert second["sequence"] > first["sequence"]
    assert await deps.blobs.head(first["data"]["key"]) is None


async def test_two_photos_that_look_the_same_are_two_objects(deps: Deps) -> None:
    content = images.jpeg(64, 64)
    names = {(await answered(deps, await received(deps, content)))["data"]["name"] for _ in range(2)}
    assert len(names) == 2


async def test_bytes_that_are_gone_or_others_get_no_answer(deps: Deps) -> None:
    gone, other = await received(deps, images.jpeg(64, 64)), await received(deps, images.jpeg(64, 64))
    await deps.blobs.delete([gone.key])
    await deps.blobs.write(other.key, b"other", content_type="image/jpeg")
    for fact in (gone, other):
        await photos.on_photo_received(arrived(fact, source="/auth"), deps)
        assert await answers(deps, fact) == []


async def test_lost_children_are_nobodys_fault(deps: Deps) -> None:
    class Lost:
        async def render(
            self,
            source: Source | bytes,
            boxes: Sequence[int] = (400,),
            *,
            task: str = "pictures",
            square: bool = False,
            early: Early | None = None,
            **_: object,
        ) -> PreviewOutcome:
            raise ChildrenLost("gone")

    fact = await received(deps, images.jpeg(64, 64))
    broken = Deps(deps.work, deps.blobs, Lost(), None, deps.denied)
    with pytest.raises(Retry):
        await photos.on_photo_received(arrived(fact, source="/auth"), broken)
    assert await answers(deps, fact) == []


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (4000, 40), (30, 3000), (1, 1), (401, 400)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_middle_fills_the_square_whatever_the_shape(size: tuple[int, int], form: str) -> None:
    """Red to the left, blue to the right of the middle: a square from the middle shows as much of either."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    made = render(images.saved(picture, form), square=True)
    assert (made.smallest.width, made.smallest.height, made.source_width, made.source_height) == (400, 400, *size)
    shown = Image.open(io.BytesIO(made.smallest.content)).convert("RGB")
    left, right = shown.getpixel((40, 200)), shown.getpixel((360, 200))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    if size[0] > 2:
        assert left[0] > 150 > left[2]
    assert right[2] > 150 > right[0]


def test_a_progressive_picture_is_cut_out_of_its_middle_too() -> None:
    whole = render(images.twelve_megapixels(progressive=True), square=True)
    plain = render(images.twelve_megapixels(), square=True)
    one, other = (Image.open(io.BytesIO(made.smallest.content)).convert("L").resize((8, 8)) for made in (whole, plain))
    assert all(abs(a - b) < 24 for a, b in zip(one.tobytes(), other.tobytes(), strict=True))
