"""Verdicts: what is cleared with which type and flags, and what is rejected."""

from pathlib import Path

import pytest

from coffer_media_worker import domain, kinds, sniffing
from coffer_media_worker.domain import EDGE_BYTES, Flag, MediaKind, PreviewFailure, RejectReason, Verdict
from factories import images

TAIL = b"\n<script>alert(1)</script>\n"


def judge(content: bytes, name: str = "file", claim: str | None = None) -> Verdict:
    """The verdict as the worker gets it: from 64 KiB at either end."""
    return domain.judge(content[:EDGE_BYTES], content[-EDGE_BYTES:], len(content), name, claim)


@pytest.mark.parametrize("name", images.KINDS)
def test_clears_a_good_picture_with_its_size_and_without_flags(name: str) -> None:
    kind = name.partition(" ")[0]
    verdict = judge(images.of_kind(name, 200, 150), f"holiday.{kind}", f"image/{kind}")
    assert (verdict.reason, verdict.flags) == (None, ())
    assert (verdict.mime_type, verdict.kind) == (f"image/{kind}", MediaKind.IMAGE)
    # The directory of a TIFF of several pages lies in the middle, which nobody has read so far.
    assert (verdict.width, verdict.height) == ((None, None) if name == "tiff pages" else (200, 150))
    assert kinds.expects_preview(verdict)


def test_clears_a_large_photograph_by_its_ends() -> None:
    verdict = judge(images.twelve_megapixels(), "DSC_0001.JPG", "image/jpeg")
    assert verdict == Verdict("image/jpeg", MediaKind.IMAGE, (), 4000, 3000)


@pytest.mark.parametrize("name", ["holiday.jpg", "notes.txt", "letter.pdf", "song.mp3", "backup.zip", "letter.pdf.exe"])
@pytest.mark.parametrize("content", [images.program(), images.elf(), images.program()[:64]], ids=["pe", "elf", "stub"])
def test_rejects_a_program_under_another_name(content: bytes, name: str) -> None:
    verdict = judge(content, name, None)
    assert verdict.reason is RejectReason.EXECUTABLE_IN_DISGUISE
    assert not kinds.expects_preview(verdict)


@pytest.mark.parametrize("claim", ["image/jpeg", "application/pdf", "text/plain", "video/mp4; codecs=avc1"])
def test_rejects_a_program_claimed_as_another_kind(claim: str) -> None:
    assert judge(images.program(), "setup.exe", claim).reason is RejectReason.EXECUTABLE_IN_DISGUISE


@pytest.mark.parametrize("name", ["photo.jpg. ", "photo.JPG", "\u202egpj.exe", "party.mp4.scr"])
def test_rejects_a_program_whose_name_only_looks_harmless(name: str) -> None:
    assert judge(images.program(), name).reason is RejectReason.EXECUTABLE_IN_DISGUISE


@pytest.mark.parametrize("claim", [None, "application/octet-stream", "application/x-msdownload"])
@pytest.mark.parametrize("name", ["setup.exe", "setup-1.2.exe", "Aspose.Pdf.dll", "tool", "firmware.bin"])
def test_clears_an_honest_program_with_a_flag(name: str, claim: str | None) -> None:
    verdict = judge(images.program(), name, claim)
    assert (verdict.reason, verdict.flags, verdict.kind) == (None, (Flag.EXECUTABLE,), MediaKind.OTHER)
    assert not kinds.expects_preview(verdict)


def test_clears_a_script_under_a_text_name_but_not_as_a_picture() -> None:
    script = b"#!/bin/sh\nrm -rf ~\n"
    assert judge(script, "clean.sh", "text/x-sh").flags == (Flag.EXECUTABLE,)
    assert judge(script, "notes.txt", "text/plain").cleared
    assert judge(script, "photo.jpg", "image/jpeg").reason is RejectReason.EXECUTABLE_IN_DISGUISE


def test_clears_a_java_archive_by_its_own_name_or_as_an_archive_only() -> None:
    honest = judge(images.jar(), "app.jar", "application/java-archive")
    assert (honest.reason, honest.mime_type, honest.flags) == (None, "application/java-archive", (Flag.JAR,))
    assert judge(images.jar(), "com.example.pdf.jar").cleared
    assert judge(images.jar(), "app.zip", "application/zip").cleared
    assert judge(images.jar(), "holiday.jpg").reason is RejectReason.EXECUTABLE_IN_DISGUISE


@pytest.mark.parametrize("picture", ["jpeg", "png", "gif", "webp"])
@pytest.mark.parametrize(
    "payload",
    [images.archive({"a": b"x"}), images.jar(), images.program(), images.elf(), images.pdf(), b"Rar!\x1a\7\0", TAIL],
    ids=["zip", "jar", "pe", "elf", "pdf", "rar", "html"],
)
def test_rejects_a_picture_with_a_second_format_behind_its_end(picture: str, payload: bytes) -> None:
    verdict = judge(images.of_kind(picture, 64, 64) + payload, f"cat.{picture}")
    assert verdict.reason is RejectReason.POLYGLOT
    assert Flag.TRAILING_DATA in verdict.flags


@pytest.mark.parametrize("payload", [images.program(), images.jar(), TAIL], ids=["pe", "jar", "html"])
def test_rejects_a_large_photograph_with_a_payload_by_its_tail_alone(payload: bytes) -> None:
    assert judge(images.twelve_megapixels() + payload, "cat.jpg").reason is RejectReason.POLYGLOT


def test_rejects_a_picture_with_an_archive_longer_than_the_tail() -> None:
    pack = images.archive({"noise": images.noise(3 * EDGE_BYTES)}, stored=True)
    assert judge(images.jpeg(64, 64) + pack, "cat.jpg").reason is RejectReason.POLYGLOT


def test_rejects_a_pdf_that_is_an_archive_too_and_a_picture_that_is_a_pdf_too() -> None:
    pack = images.archive({"a": b"x"})
    assert judge(images.pdf() + pack, "paper.pdf").reason is RejectReason.POLYGLOT
    comment = images.jpeg(64, 64, comment=images.pdf())
    assert judge(comment, "cat.jpg").reason is RejectReason.POLYGLOT


def test_clears_a_pdf_with_an_archive_attached_inside() -> None:
    attached = images.pdf(b">>\nstream\n" + images.archive({"a": b"x"}) + b"\nendstream\n<< /EmbeddedFile 1 ")
    verdict = judge(attached, "paper.pdf", "application/pdf")
    assert (verdict.reason, verdict.flags) == (None, (Flag.EMBEDDED_FILE,))


@pytest.mark.parametrize(
    "behind",
    [images.jpeg(32, 32), images.bmff(b"mp42") + images.noise(100_000), bytes(64), b"SEFT maker's notes"],
    ids=["gain map", "motion photo", "padding", "maker"],
)
def test_clears_phone_pictures_with_harmless_bytes_behind_their_end(behind: bytes) -> None:
    verdict = judge(images.jpeg(64, 64) + behind, "IMG_0001.jpg", "image/jpeg")
    assert (verdict.reason, verdict.flags) == (None, (Flag.TRAILING_DATA,))


@pytest.mark.parametrize("dress", [b"%b", b"\n%b\r\n", b"\xef\xbb\xbf%b" + b" " * 50])
def test_rejects_the_test_virus(dress: bytes) -> None:
    assert judge(dress % images.eicar(), "eicar.com").reason is RejectReason.TEST_VIRUS
    assert judge(images.jpeg(64, 64) + images.eicar(), "cat.jpg").reason is RejectReason.TEST_VIRUS


def test_the_test_virus_does_not_stand_in_the_source() -> None:
    for module in (sniffing, images):
        assert images.eicar() not in Path(str(module.__file__)).read_bytes()


def test_clears_an_empty_file_without_a_preview() -> None:
    verdict = judge(b"", "empty.jpg", "image/jpeg")
    assert verdict == Verdict("application/x-empty", MediaKind.OTHER)
    assert not kinds.expects_preview(verdict)


def test_clears_a_mismatch_with_its_true_type() -> None:
    heic = judge(images.bmff(b"heic", b"mif1", b"heic"), "IMG_1.JPG", "image/jpeg")
    assert (heic.reason, heic.mime_type, heic.flags) == (None, "image/heic", (Flag.MISMATCH,))
    assert kinds.expects_preview(heic)
    assert judge(images.png(32, 32), "shot.jpg").flags == (Flag.MISMATCH,)
    page = judge(b"<!DOCTYPE html><html></html>", "cat.jpg", "image/jpeg")
    assert (page.reason, page.mime_type) == (None, "text/html")
    assert page.flags == (Flag.ACTIVE_CONTENT, Flag.MISMATCH)


@pytest.mark.parametrize("content", [images.png_bomb(), images.gif_bomb()], ids=["png", "gif"])
def test_clears_a_bomb_with_a_flag(content: bytes) -> None:
    verdict = judge(content)
    assert (verdict.reason, verdict.flags) == (None, (Flag.BOMB,))


@pytest.mark.parametrize("name", images.KINDS)
def test_clears_a_truncated_picture_whose_preview_will_fail(name: str) -> None:
    verdict = judge(images.cut(images.of_kind(name, 200, 150)), f"broken.{name.partition(' ')[0]}")
    assert (verdict.reason, verdict.flags) == (None, ())
    assert kinds.expects_preview(verdict)


def test_clears_encrypted_looking_bytes_under_any_name() -> None:
    for seed in range(200):
        assert judge(images.noise(4096, seed), "vault.jpg", "image/jpeg").cleared
    assert judge(b"MZ" + images.noise(4096), "vault.pdf").cleared


def test_gives_the_same_verdict_to_the_same_file_read_whole_or_by_its_ends() -> None:
    for content in (images.jpeg(1600, 1200), images.jpeg(1600, 1200) + images.jar(), images.docx(), images.program()):
        assert domain.judge(content, b"", len(content), "a.jpg", None) == judge(content, "a.jpg")


@pytest.mark.parametrize(
    ("mime_type", "side", "size_bytes", "progressive", "expected"),
    [
        ("image/jpeg", 15_000, 50_000_000, False, None),
        ("image/jpeg", 15_000, 50_000_000, True, PreviewFailure.TOO_MANY_PIXELS),
        ("image/jpeg", 65_536, 500_000_000, False, PreviewFailure.TOO_MANY_PIXELS),
        ("image/png", 8_000, 1, False, None),
        ("image/png", 8_001, 1_000_000, False, PreviewFailure.TOO_MANY_PIXELS),
        ("image/png", 30_000, 2_600_000, False, PreviewFailure.BOMB),
    ],
)
def test_pixel_limits_depend_on_the_format_and_density(
    mime_type: str, side: int, size_bytes: int, *, progressive: bool, expected: PreviewFailure | None
) -> None:
    assert domain.pixel_refusal(mime_type, side, side, size_bytes, progressive=progressive) == expected
