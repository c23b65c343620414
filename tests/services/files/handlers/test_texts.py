"""Texts of files: from the bucket into the index, and found by the beginnings of their words."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.etags import Conditions
from coffer_chassis.handling import Reject, Retry
from coffer_chassis.service import Service
from coffer_chassis.testing import eventually
from coffer_chassis.topology import ServiceTopology, Topology
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import BlobId, ItemId, VersionId
from coffer_contracts.media import ExtractedText, PreviewImage, PreviewOmittedV1, PreviewReadyV1
from coffer_files.app import TABLES, TOPOLOGY
from coffer_files.domain.searching import Filters, Query
from coffer_files.handlers.items import make_folder
from coffer_files.handlers.searching import Asked, Found, search
from coffer_files.handlers.sight import Seen
from coffer_files.handlers.texts import MOST_BYTES, TEXT_QUEUE, on_text_ready, text_key
from coffer_files.handlers.trash import purge_item, trash_item
from factories.files import Files, cleared, envelope, files_on, granted, person, stored

IMAGE = PreviewImage(box_pixels=400, key="previews/x/400", mime_type="image/webp", width=4, height=3, size_bytes=5)

OTHERS = ("auth", "sharing", "media-worker")


async def uploaded(files: Files, name: str, **changes: Any) -> Any:
    """An upload that became a file or a version."""
    upload = await files.start(name, **changes)
    await files.handle(stored(upload), cleared(upload, mime_type="application/pdf", media_kind="document"))
    done = await files.now(upload)
    assert done.state == "committed"
    return done


def told(files: Files, upload: Any, *, key: str | None = None) -> Envelope[Event]:
    """The media worker says that it wrote a text."""
    text = ExtractedText(key=key or text_key(upload.blob_id), size_bytes=5)
    fact = PreviewReadyV1(
        item_id=ItemId(upload.item_id),
        version_id=VersionId(upload.version_id),
        owner_id=files.owner.user_id,
        ancestor_ids=(),
        blob_id=BlobId(upload.blob_id),
        images=(IMAGE,),
        text=text,
    )
    return envelope(fact, source="/media-worker")


async def says(files: Files, upload: Any, content: bytes) -> None:
    await files.blobs.write(text_key(upload.blob_id), content, content_type="text/plain")
    await on_text_ready(told(files, upload), files.deps)  # type: ignore[arg-type]  # an envelope of this very fact


async def found(files: Files, text: str, who: Any = None, **filters: Any) -> list[Found]:
    asked = Asked(Query.parse(text), Filters(**filters))
    return (await search(files.deps, who or files.owner, asked)).found


async def names(files: Files, text: str, who: Any = None, **filters: Any) -> list[str]:
    return [one.seen.at.item.name for one in await found(files, text, who, **filters)]


async def test_a_file_is_found_by_the_beginnings_of_words_in_its_text(files: Files) -> None:
    upload = await uploaded(files, "scan.pdf")
    await says(files, upload, "Rechnung Nr. 4711 für Zoë Müller: Brücken-Sanierung 会議資料です".encode())
    for asked in ("rechn", "RECHNUNG 4711", "muller zoe", "sanier", "brucken-san", "会議", "資", "議資料", "scan", "4711."):
        assert await names(files, asked) == ["scan.pdf"], asked
    for asked in ("echnung", "rechnung absent", "資議", "4712"):
        assert await names(files, asked) == [], asked


async def test_the_text_of_a_file_without_pictures_is_found_as_well(files: Files) -> None:
    upload = await uploaded(files, "notes.txt")
    about = told(files, upload).data.model_dump(exclude={"images", "width", "height", "placeholder"})
    await files.blobs.write(text_key(upload.blob_id), b"heron", content_type="text/plain")
    fact: Any = envelope(PreviewOmittedV1(**about), source="/media-worker")
    await on_text_ready(fact, files.deps)
    assert await names(files, "heron") == ["notes.txt"]


async def test_the_beginning_of_a_text_stands_with_the_preview(files: Files) -> None:
    upload = await uploaded(files, "notes.txt")
    async with files.client() as http:
        before = (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()
        await says(files, upload, b"<b>heron</b> " + b"x" * 1000)
        after = (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()
    assert before["text_excerpt"] is None
    assert after["text_excerpt"] == "<b>heron</b> " + "x" * 487


async def test_an_excerpt_shows_the_words_where_they_stand(files: Files) -> None:
    upload = await uploaded(files, "long.pdf")
    await says(files, upload, ("filler " * 300 + "the <b>Überraschung</b> is here\n\nand\tmore " + "tail " * 300).encode())
    (one,) = await found(files, "uberrasch")
    assert one.excerpt is not None
    assert "the <b>Überraschung</b> is here and more" in one.excerpt.text
    assert [one.excerpt.text[part.start :][: part.length] for part in one.excerpt.ranges] == ["Überrasch"]
    assert one.name_ranges == ()


async def test_names_come_before_texts(files: Files) -> None:
    upload = await uploaded(files, "one.pdf")
    await says(files, upload, b"budget for two")
    await uploaded(files, "my budget.pdf")
    assert await names(files, "budget") == ["my budget.pdf", "one.pdf"]
    assert await names(files, "budget", media_kinds=("image",)) == []


async def test_a_text_belongs_to_the_content_that_is_current(files: Files) -> None:
    first = await uploaded(files, "same.pdf")
    await says(files, first, b"early words")
    second = await uploaded(files, "same.pdf", conflict="replace")
    assert await names(files, "early") == []
    await says(files, second, b"later words")
    assert await names(files, "later") == ["same.pdf"]


async def test_a_text_told_twice_and_before_others_changes_nothing(files: Files) -> None:
    upload = await uploaded(files, "twice.pdf")
    await says(files, upload, b"repeat")
    await says(files, upload, b"repeat")
    assert await names(files, "repeat") == ["twice.pdf"]


async def test_a_text_goes_with_its_object(files: Files) -> None:
    upload = await uploaded(files, "gone.pdf")
    await says(files, upload, b"vanish")
    await trash_item(files.deps, files.owner, files.origin, upload.item_id, Conditions())
    assert await names(files, "vanish") == []
    await purge_item(files.deps, files.owner, files.origin, upload.item_id)
    assert await files.rows(f"SELECT 1 FROM texts WHERE blob_id = '{upload.blob_id}'") == []
    await says(files, upload, b"vanish")
    assert await files.rows(f"SELECT 1 FROM texts WHERE blob_id = '{upload.blob_id}'") == []


async def test_texts_of_others_are_found_only_where_they_were_shared(files: Files) -> None:
    reader = person()
    upload = await uploaded(files, "shared.pdf")
    await says(files, upload, b"confidential")
    assert await names(files, "confid", reader) == []
    await files.handle(granted(upload.item_id, files.owner, reader))
    assert await names(files, "confid", reader) == ["shared.pdf"]


async def test_a_text_that_is_not_there_yet_is_asked_for_again(files: Files) -> None:
    upload = await uploaded(files, "late.pdf")
    with pytest.raises(Retry):
        await on_text_ready(told(files, upload), files.deps)  # type: ignore[arg-type]  # an envelope of this very fact


async def test_a_text_under_a_foreign_key_is_refused(files: Files) -> None:
    upload = await uploaded(files, "foreign.pdf")
    fact = told(files, upload, key="previews/other/text")
    with pytest.raises(Reject):
        await on_text_ready(fact, files.deps)  # type: ignore[arg-type]  # an envelope of this very fact


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff\xfe found", b"found " * (MOST_BYTES // 6 + 10), b"found " + b"x" * 5000, b"found ' \\ : * & | !"],
    ids=["empty", "no UTF-8", "too long", "a word without end", "signs"],
)
async def test_any_bytes_make_a_text(files: Files, content: bytes) -> None:
    upload = await uploaded(files, "bytes.pdf")
    await says(files, upload, content)
    assert await names(files, "found") == (["bytes.pdf"] if b"found" in content else [])


async def test_a_text_of_very_many_words_is_cut(files: Files) -> None:
    upload = await uploaded(files, "many.pdf")
    await says(files, upload, " ".join(f"word{number}é" for number in range(90_000)).encode())
    assert await names(files, "word19000e") == ["many.pdf"]


@pytest.mark.slow
async def test_a_text_that_is_published_is_found_whatever_the_bus_does(store: str) -> None:
    async with files_on(store) as files:
        upload = await uploaded(files, "published.pdf")
        await files.blobs.write(text_key(upload.blob_id), b"heard on the bus", content_type="text/plain")
        bus = MemoryBus(Topology("coffer", (TOPOLOGY, *(ServiceTopology(name) for name in OTHERS))), seed=3, duplicates=0.9)
        service = Service(
            topology=TOPOLOGY, work=files.deps.work, bus=bus, deps=files.deps, app=None, tables=TABLES, wait_seconds=1
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(service.run_background(stopping))
        try:
            fact = told(files, upload)
            for _ in range(3):
                await bus.publish("media-worker-events", [Outgoing(fact.id, fact.to_json(), {"type": fact.type})])

            async def is_found() -> bool:
                return await names(files, "heard bus") == ["published.pdf"]

            await eventually(is_found, within_seconds=20)
        finally:
            stopping.set()
            await running
        handled = await files.rows(f"SELECT count(*) FROM inbox WHERE consumer = '{TEXT_QUEUE}' AND event_id = '{fact.id}'")
        assert handled[0][0] == 1
        assert (await files.rows("SELECT count(*) FROM dead_letters"))[0][0] == 0


async def test_looking_costs_as_many_statements_for_one_hit_as_for_many_and_as_deep_as_they_may_lie(files: Files) -> None:
    parent = "root"
    for depth in range(8):
        parent = (await make(files, f"deep {depth}", parent)).at.item.id
        for number in range(6):
            await make(files, f"counted {depth} {number}", parent)
    await make(files, "alone", parent)
    counts = {}
    for asked in ("alone", "counted"):
        files.statements.clear()
        assert await names(files, asked)
        counts[asked] = len(files.statements)
    assert counts["counted"] <= counts["alone"] <= 9


async def make(files: Files, name: str, parent: str) -> Seen:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made


@pytest.mark.slow  # megabytes of words
async def test_a_text_of_so_many_long_words_as_the_index_cannot_hold_is_found_by_the_first_of_them(files: Files) -> None:
    upload = await uploaded(files, "hangul.pdf")
    # Takes three times the room when it is taken apart into letters.
    words = ["".join(chr(0xAC00 + (place * 7919 + turn * place // 3) % 11172) for turn in range(6)) for place in range(55_000)]
    await says(files, upload, " ".join(words).encode())
    assert await names(files, words[0]) == ["hangul.pdf"]
    [(broken,)] = await files.rows(
        f"""SELECT count(*) FROM texts, unnest(words) AS word WHERE blob_id = '{upload.blob_id}'
            AND NOT words @@ (quote_literal(word.lexeme))::tsquery"""
    )
    assert broken == 0
