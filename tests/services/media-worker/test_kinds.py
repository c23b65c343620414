"""What is made of which type, and the beginning of texts."""

import pytest

from coffer_media_worker import kinds, tasks, texts
from coffer_media_worker.domain import RENDERABLE, MediaKind, Verdict
from coffer_media_worker.ranged import Ranged
from coffer_media_worker.signatures import ACTIVE_TYPES, kind_of


def whole(content: bytes) -> Ranged:
    def fetch(first: int, last: int) -> bytes:
        raise AssertionError(f"bytes {first} to {last} were there all along")

    return Ranged(len(content), fetch, [(0, content)])


def test_every_treatment_is_a_task_that_there_is() -> None:
    assert {treated.task for treated in (*kinds.TREATMENTS.values(), kinds.TEXTS)} <= set(tasks.TASKS)


def test_every_picture_that_is_decoded_is_waited_for() -> None:
    for mime_type in RENDERABLE:
        assert kinds.expects_preview(Verdict(mime_type, kind_of(mime_type)))


@pytest.mark.parametrize("mime_type", ["text/plain", "text/markdown", "text/csv", "text/x-shellscript", "application/json"])
def test_texts_are_read_and_no_picture_is_waited_for(mime_type: str) -> None:
    assert kinds.treatment(mime_type) == kinds.TEXTS
    assert not kinds.expects_preview(Verdict(mime_type, MediaKind.TEXT))


@pytest.mark.parametrize("mime_type", sorted(ACTIVE_TYPES))
def test_what_a_browser_would_run_is_left_alone(mime_type: str) -> None:
    assert kinds.treatment(mime_type) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain\r\nlines\n", "plain\nlines\n"),
        ("Brücke".encode(), "Brücke"),
        ("Brücke".encode("utf-8-sig"), "Brücke"),
        (b"\xff\xfe" + "Brücke".encode("utf-16-le"), "Brücke"),
        (b"\xfe\xff" + "Brücke".encode("utf-16-be"), "Brücke"),
        ("Brücke".encode("latin-1"), "Br\N{REPLACEMENT CHARACTER}cke"),
        (b"\xff\xfe\x00\xd8a\x00", "\N{REPLACEMENT CHARACTER}a"),  # half a pair of UTF-16
        (b"a\0b\x1bc\td\x7fe", "a b c\td e"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"", ""),
    ],
)
def test_a_text_is_told_as_utf_8_without_control_characters(content: bytes, text: str) -> None:
    assert texts.read(whole(content)).text.decode() == text


@pytest.mark.parametrize("most", range(1, 9))
def test_a_text_is_cut_between_characters(most: int) -> None:
    told = texts.read(whole("aü€𝄞z".encode()), most).text
    assert "aü€𝄞z".startswith(told.decode())
    assert most - 4 < len(told) <= most


def test_of_a_long_text_one_request_reads_the_beginning() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(first: int, last: int) -> bytes:
        asked.append((first, last))
        return b"x" * (last - first + 1)

    told = texts.read(Ranged(5 << 30, fetch))
    assert asked == [(0, (1 << 20) - 1)]
    assert told.text == b"x" * (1 << 20)
