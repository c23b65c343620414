"""What previews of documents cost: processor time by kind, against the bare library on the same path; bytes read; memory."""

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pypdfium2
from PIL import Image

from bench.measures import Row
from coffer_media_worker import tasks
from coffer_media_worker.domain import SIZES, Rendered
from factories import documents, pdfs
from factories.reading import Read

ROUNDS = 5

MEASURE = (
    "import sys; from coffer_media_worker import tasks; from coffer_media_worker.ranged import Ranged; "
    "tasks.warm_up(); tasks.prepare(sys.argv[1]); "
    "content = open(sys.argv[2], 'rb').read(); "
    "file = Ranged(len(content), None, [(0, content)]); "
    "made = tasks.do({'task': sys.argv[1], 'boxes': [400, 1024, 2048], 'format': 'WEBP'}, file); "
    "made = list(made) if hasattr(made, '__next__') else made; "
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


@dataclass(frozen=True)
class Kind:
    """A kind of document: its task, how to make one, and what the bare library does on the same path."""

    task: str
    make: Callable[[], bytes]
    bare: Callable[[bytes], object]
    path: str


def _bare_pdf(content: bytes) -> None:
    document = pypdfium2.PdfDocument(content)
    page = document[0]
    for box in SIZES:
        picture = page.render(scale=box / max(page.get_size()), may_draw_forms=False).to_pil()
        picture.save(io.BytesIO(), "WEBP", quality=75, method={1024: 1, 2048: 0}.get(box, 2))
    for index in range(len(document)):
        document[index].get_textpage().get_text_range()
    document.close()


def _bare_office(content: bytes) -> None:
    with ZipFile(io.BytesIO(content)) as archive:
        with Image.open(archive.open("docProps/thumbnail.jpeg")) as picture:
            picture.save(io.BytesIO(), "WEBP", quality=75, method=2)
        "".join(ET.fromstring(archive.read("word/document.xml")).itertext())


def _bare_text(content: bytes) -> None:
    content.decode("utf-8", "replace").encode()


def _shapes() -> bytes:
    drawn = b"\n".join(b"%d %d %d %d re f" % (n * 7 % 595, n * 13 % 842, n % 9, n % 7) for n in range(60_000))
    return pdfs.document([drawn])


WORDS = "The heron stands in the river and waits. " * 40

KINDS = {
    "PDF, one page of text": Kind("pdf", lambda: pdfs.pages(WORDS), _bare_pdf, "PDFium, Pillow"),
    "PDF, 500 pages of text": Kind("pdf", lambda: pdfs.pages(*[WORDS] * 500), _bare_pdf, "PDFium, Pillow"),
    "PDF, 60,000 shapes drawn": Kind("pdf", _shapes, _bare_pdf, "PDFium, Pillow"),
    "PDF, a scan of 40 pages": Kind("pdf", lambda: pdfs.scan(40, 1_000_000), _bare_pdf, "PDFium, Pillow"),
    "text of 1 MiB": Kind("text", lambda: (WORDS * 650).encode()[: 1 << 20], _bare_text, "decoding and encoding"),
    "docx with a picture and 1 MB of words": Kind(
        "office",
        lambda: documents.docx(*[WORDS] * 600, picture=documents.thumbnail()),
        _bare_office,
        "zipfile, ElementTree, Pillow",
    ),
}
"""What people store, by a name for the report."""


def cost_of_kinds() -> list[Row]:
    """Of each kind pictures in all sizes, and words: processor time in this process, what is read, memory of a process."""
    tasks.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        return [_of_kind(name, kind, Path(folder) / "file") for name, kind in KINDS.items()]


def _of_kind(name: str, kind: Kind, path: Path) -> Row:
    content = kind.make()
    path.write_bytes(content)
    ours = min(_spent(partial(_made, kind.task, Read(content, whole=True))) for _ in range(ROUNDS))
    bare = min(_spent(partial(kind.bare, content)) for _ in range(ROUNDS))
    file = Read(content)
    _made(kind.task, file)
    command = [sys.executable, "-c", MEASURE, kind.task, str(path)]
    peak = int(subprocess.run(command, check=True, capture_output=True).stdout) // 1024
    read = f"{file.asked_bytes / 1e6:.2f} MB by {len(file.asked)} ranges"
    return Row(
        f"{name} ({len(content) / 1e6:.1f} MB); processor time",
        f"{ours:.1f} ms, {peak} MiB at most, {read}",
        f"{kind.path} alone {bare:.1f} ms",
        f"{ours / bare:.2f}",
    )


def _made(task: str, file: Read) -> list[Any]:
    tasks.prepare(task)
    made = tasks.do({"task": task, "boxes": list(SIZES), "format": "WEBP"}, file)
    parts = list(made) if isinstance(made, Iterator) else [made]
    failed = [part for part in parts if not isinstance(part, Rendered)]
    if failed:
        raise RuntimeError(f"{task}: {failed}")
    return parts


def _spent(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000
