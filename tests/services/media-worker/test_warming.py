"""A parent that never saw a document or a film holds nothing of what draws them."""

from pathlib import Path
from typing import Any

import pytest

from coffer_media_worker.children import Children
from coffer_media_worker.domain import Rendered
from factories import films, images, pdfs
from factories.children import PATIENT

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not tell what is loaded")


def loaded(children: Children, library: str) -> bool:
    """Whether the parent has a library mapped."""
    return library in Path(f"/proc/{children.parent_pid}/maps").read_text("ascii")


@pytest.mark.parametrize("asked", [{"task": "pdf"}, {"task": "page", "page": 1}], ids=lambda asked: asked["task"])
async def test_what_draws_documents_is_loaded_with_the_first_of_them_and_stays(asked: dict[str, Any]) -> None:
    children = Children(1, PATIENT)
    await children.start()
    try:
        assert isinstance(await children.render(images.jpeg(64, 48)), Rendered)
        assert not loaded(children, "libpdfium")
        for words in ("one", "two"):
            made = await children.render(pdfs.pages(words), **asked)
            assert isinstance(made, Rendered), made
            assert loaded(children, "libpdfium")
        assert children.starts == 1
    finally:
        await children.stop()


@pytest.mark.skipif(not films.PYAV, reason="PyAV is not installed")
@pytest.mark.slow  # encodes one
async def test_what_draws_films_is_loaded_with_the_first_of_them() -> None:
    children = Children(1, PATIENT)
    await children.start()
    try:
        assert not loaded(children, "libavcodec")
        made = await children.render(films.film(), task="video")
        assert isinstance(made, Rendered), made
        assert loaded(children, "libavcodec")
    finally:
        await children.stop()
