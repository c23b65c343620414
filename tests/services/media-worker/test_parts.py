"""Outcomes that come in parts: told while the child works on, kept when it dies."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from coffer_media_worker.children import Children
from coffer_media_worker.domain import SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from factories import heic, images
from factories.children import MISBEHAVING, PATIENT

pytestmark = pytest.mark.slow  # starts and kills real children


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    pool = Children(2, PATIENT)
    await pool.start()
    yield pool
    await pool.stop()


class Told:
    """Remembers what it was told, and whether the job was still going on."""

    def __init__(self) -> None:
        self.parts: list[Rendered] = []

    async def __call__(self, part: Rendered) -> None:
        await asyncio.sleep(0)
        self.parts.append(part)


async def drawn(children: Children, content: bytes, told: Told | None = None) -> PreviewOutcome:
    return await children.render(content, SIZES, early=told)


async def test_what_comes_at_once_is_told_once(children: Children) -> None:
    told = Told()
    made = await drawn(children, images.jpeg(640, 480), told)
    assert isinstance(made, Rendered)
    assert len(made.pictures) == 2
    assert told.parts == []


async def test_the_small_picture_is_told_first_and_all_are_the_outcome(children: Children) -> None:
    told = Told()
    made = await drawn(children, images.twelve_megapixels(), told)
    assert isinstance(made, Rendered)
    assert [[picture.box for picture in part.pictures] for part in told.parts] == [[400]]
    assert [(picture.box, picture.width, picture.height) for picture in made.pictures] == [
        (400, 400, 300),
        (1024, 1000, 750),
        (2048, 2000, 1500),
    ]
    assert (made.source_width, made.source_height, made.placeholder) == (4000, 3000, told.parts[0].placeholder)


@pytest.mark.parametrize("kind", [*images.KINDS, "heic"])
async def test_every_kind_is_drawn_in_the_jail(children: Children, kind: str) -> None:
    content = heic.turned(3) if kind == "heic" else images.of_kind(kind)
    made = await drawn(children, content)
    if kind == "heic" and isinstance(made, PreviewFailed):
        assert made.reason is PreviewFailure.UNSUPPORTED
        pytest.skip("pi-heif is not installed")
    assert isinstance(made, Rendered), made
    assert [picture.box for picture in made.pictures] == ([400] if kind == "heic" else [400, 1024])


async def test_a_large_avif_is_decoded_by_threads_within_the_memory_of_a_job(children: Children) -> None:
    made = await drawn(children, images.saved(images.photo(4000, 3000).convert("RGB"), "AVIF", quality=60, speed=10))
    assert isinstance(made, Rendered), made
    assert len(made.pictures) == 3


async def test_what_was_finished_stays_when_the_child_dies_over_the_rest() -> None:
    pool, told = Children(1, PATIENT, MISBEHAVING), Told()
    await pool.start()
    try:
        made = await drawn(pool, b"parts " + images.jpeg(64, 48), told)
        assert isinstance(made, Rendered)
        assert made == replace(told.parts[0], more=False)
        assert made.smallest.width == 64
    finally:
        await pool.stop()


async def test_a_picture_whose_large_sizes_need_too_much_memory_keeps_its_small_one() -> None:
    content = images.saved(images.photo(8000, 6000), "JPEG", quality=80, progressive=True)
    made = await drawn_with(154 << 20, content)
    assert isinstance(made, Rendered), made
    assert [picture.box for picture in made.pictures] == [400]


async def test_what_lacks_memory_from_the_beginning_is_not_called_damaged() -> None:
    content = images.saved(images.photo(8000, 6000), "JPEG", quality=80, progressive=True)
    made = await drawn_with(100 << 20, content)
    assert isinstance(made, PreviewFailed), made
    assert made.reason is PreviewFailure.MEMORY


async def drawn_with(memory_bytes: int, content: bytes) -> PreviewOutcome:
    """What a child makes of a picture that may have so much memory beyond what every child has from its parent."""
    pool = Children(1)
    await pool.start()
    try:
        pool._limits = replace(PATIENT, memory_bytes=memory_bytes)
        return await drawn(pool, content)
    finally:
        await pool.stop()


async def test_a_fault_in_telling_is_the_callers(children: Children) -> None:
    async def fail(_part: Rendered) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await children.render(images.twelve_megapixels(), SIZES, early=fail)
    assert isinstance(await drawn(children, images.jpeg(64, 48)), Rendered)
