"""Archives as other programs read them: Python's zipfile, and unzip where there is one."""

import io
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from coffer_files.domain.zips import ZipWriter

WHEN = datetime(2026, 11, 20, 12, 34, 57, tzinfo=UTC)


def archive(fill: Callable[[ZipWriter, Callable[[bytes], Any]], None]) -> zipfile.ZipFile:
    out, writer = io.BytesIO(), ZipWriter()
    fill(writer, out.write)
    for piece in writer.close():
        out.write(piece)
    assert writer.size_bytes == out.tell()
    return zipfile.ZipFile(out)


def large(writer: ZipWriter, write: Callable[[bytes], Any], name: str, *pieces: bytes, size: int | None = None) -> None:
    write(writer.begin(name, WHEN, sum(map(len, pieces)) if size is None else size))
    for piece in pieces:
        writer.add(piece)
        write(piece)
    write(writer.end())


def test_files_folders_and_names_come_out_as_they_went_in(tmp_path: Path) -> None:
    def fill(writer: ZipWriter, write: Callable[[bytes], Any]) -> None:
        write(writer.folder("empty", WHEN))
        write(writer.folder("\u00dcber \u65e5\u672c", WHEN))
        write(writer.whole("\u00dcber \u65e5\u672c/caf\u00e9.txt", WHEN, b"small"))
        write(writer.whole("nothing", WHEN, b""))
        large(writer, write, "large.bin", b"0123456789" * 1000, b"", b"end")

    found = archive(fill)
    assert found.testzip() is None
    assert found.namelist() == [
        "empty/",
        "\u00dcber \u65e5\u672c/",
        "\u00dcber \u65e5\u672c/caf\u00e9.txt",
        "nothing",
        "large.bin",
    ]
    assert found.read("\u00dcber \u65e5\u672c/caf\u00e9.txt") == b"small"
    assert found.read("large.bin") == b"0123456789" * 1000 + b"end"
    assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}
    assert found.getinfo("nothing").date_time == (2026, 11, 20, 12, 34, 56)
    assert found.getinfo("empty/").is_dir()
    assert not found.comment


@pytest.mark.skipif(shutil.which("unzip") is None, reason="the system has no unzip to try it with")
def test_unzip_reads_it_with_modes_and_times_to_the_second(tmp_path: Path) -> None:
    path, writer = tmp_path / "a.zip", ZipWriter()
    with path.open("wb") as out:
        out.write(writer.folder("d", WHEN))
        out.write(writer.whole("d/a.txt", WHEN, b"hello"))
        large(writer, out.write, "d/b.bin", b"x" * 70_000)
        out.writelines(writer.close())
    assert b"No errors detected" in subprocess.run(["unzip", "-t", path], capture_output=True, check=True).stdout
    subprocess.run(["unzip", "-q", path, "-d", tmp_path / "out"], check=True)
    assert (tmp_path / "out/d/a.txt").read_bytes() == b"hello"
    assert (tmp_path / "out/d/a.txt").stat().st_mtime == WHEN.timestamp()
    assert (tmp_path / "out/d/b.bin").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(1969, 5, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2300, 5, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=5))), (2025, 12, 31, 20, 0, 0)),
    ],
)
def test_times_that_the_format_does_not_know_are_brought_into_it(moment: datetime, shown: tuple[int, ...]) -> None:
    found = archive(lambda writer, write: write(writer.whole("a", moment, b"")))
    assert found.getinfo("a").date_time == shown


@pytest.mark.slow
def test_more_entries_than_the_old_format_can_count() -> None:
    count = 70_000

    def fill(writer: ZipWriter, write: Callable[[bytes], Any]) -> None:
        for number in range(count):
            write(writer.whole(f"folder/{number:06}.txt", WHEN, b"x"))

    found = archive(fill)
    assert len(found.namelist()) == count
    assert found.read("folder/069999.txt") == b"x"


def test_what_it_remembers_of_an_entry_is_little() -> None:
    writer, count = ZipWriter(), 5_000
    tracemalloc.start()
    try:
        for number in range(count):
            writer.whole(f"Holidays/2026/Denmark/IMG_{number:06}.jpg", WHEN, b"")
        assert tracemalloc.get_traced_memory()[0] / count < 60
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_file_of_more_than_four_gibibytes_and_one_behind_it(tmp_path: Path) -> None:
    path, writer, piece = tmp_path / "long.zip", ZipWriter(), bytes(64 * 1024 * 1024)
    size = 65 * len(piece)
    with path.open("wb") as out:
        out.write(writer.begin("long.bin", WHEN, size))
        for _ in range(65):
            writer.add(piece)
            out.seek(len(piece), io.SEEK_CUR)  # zeros that take no room
        out.write(writer.end())
        out.write(writer.whole("behind.txt", WHEN, b"behind"))
        out.writelines(writer.close())
    with zipfile.ZipFile(path) as found:
        assert found.getinfo("long.bin").file_size == size
        assert found.getinfo("behind.txt").header_offset > 4 * 1024**3
        assert found.read("behind.txt") == b"behind"
        with found.open("long.bin") as content:
            assert content.read(1000) == bytes(1000)
    if shutil.which("unzip"):
        assert b"2 files" in subprocess.run(["unzip", "-l", path], capture_output=True, check=True).stdout


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_file_that_is_not_as_long_as_was_said_is_no_archive(size: int) -> None:
    writer = ZipWriter()
    writer.begin("a", WHEN, size)
    writer.add(b"four")
    with pytest.raises(ValueError, match="long"):
        writer.end()
    with pytest.raises(ValueError, match="begun"):
        writer.add(b"x")
