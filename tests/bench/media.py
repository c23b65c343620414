"""What previews cost: processor time of a picture by class, ours against a bare Pillow loop of the same path, and memory."""

import asyncio
import hashlib
import io
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from bench.measures import Row
from coffer_media_worker import imaging
from coffer_media_worker.children import Children
from coffer_media_worker.domain import SIZES, Rendered
from factories import images

ROUNDS = 5
THUMBNAIL = SIZES[:1]
GAP = 1.25

CLASSES: dict[str, Callable[[], bytes]] = {
    "JPEG 640x640": lambda: images.jpeg(640, 640),
    "JPEG 1 MP": lambda: images.jpeg(1200, 900),
    "JPEG 12 MP": images.twelve_megapixels,
    "JPEG 12 MP progressive": lambda: images.twelve_megapixels(progressive=True),
    "JPEG 12 MP of another colour space": lambda: _twelve("JPEG", quality=92, icc_profile=images.other_profile()),
    "JPEG 12 MP CMYK": lambda: _twelve("JPEG", mode="CMYK", quality=92),
    "JPEG 48 MP": lambda: _twelve("JPEG", scale=2, quality=85),
    "JPEG 48 MP progressive": lambda: _twelve("JPEG", scale=2, quality=85, progressive=True),
    "PNG 12 MP": lambda: _twelve("PNG", compress_level=1),
    "WebP 12 MP": lambda: _twelve("WEBP", quality=75, method=0),
    "TIFF 12 MP": lambda: _twelve("TIFF", compression="tiff_lzw"),
    "BMP 12 MP": lambda: _twelve("BMP"),
    "AVIF 12 MP": lambda: _twelve("AVIF", quality=60, speed=10),
    "GIF of 60 frames": lambda: images.gif(480, 360, 60),
}
"""What people store, by a name for the report."""

MEASURE = (
    "import sys; from coffer_media_worker import imaging; imaging.warm_up(); "
    "imaging.render(open(sys.argv[1], 'rb').read(), [int(box) for box in sys.argv[2:]]); "
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)
"""What the kernel says of a child when it has ended counts what its parent had before it began, too."""


def _twelve(form: str, *, mode: str = "RGB", scale: int = 1, **options: object) -> bytes:
    with Image.open(io.BytesIO(images.twelve_megapixels())) as picture:
        plain = picture.convert("RGB").convert(mode)
        larger = plain.resize((picture.width * scale, picture.height * scale)) if scale > 1 else plain
        return images.saved(larger, form, **options)


def cost_of_previews() -> list[Row]:
    """Each class: the thumbnail alone, then all sizes, in this process; then how many the processes in their jail make."""
    imaging.warm_up()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in CLASSES.items():
            rows += _of_class(name, make(), Path(folder) / "picture")
    rows.append(asyncio.run(_in_the_jail()))
    return rows


def _of_class(name: str, content: bytes, path: Path) -> list[Row]:
    naive, limit, told = (_least(partial(work, content)) for work in (_naive, _decoded, _digest))
    path.write_bytes(content)
    rows = []
    for boxes, what in ((THUMBNAIL, "thumbnail"), (SIZES, "all sizes")):
        ours, bare = _turns(partial(imaging.render, content, boxes), partial(bare_loop, content, boxes))
        figure = f"{ours:.1f} ms, {_peak(path, boxes)} MiB at most"
        reference = f"bare loop {bare:.1f} ms, SHA-256 of the file {told:.1f} ms"
        reference += f"; naive thumbnail {naive:.1f} ms; decoding alone {limit:.1f} ms"
        ratio = f"{ours / (bare + told):.2f} of loop and SHA-256, which belong to a preview; {ours / bare:.2f} of the loop"
        rows.append(Row(f"{name} ({len(content) / 1e6:.1f} MB), {what}; processor time", figure, reference, ratio))
    return rows


def bare_loop(content: bytes, boxes: tuple[int, ...]) -> None:
    """For the same boxes by Pillow alone, each filled: no limits, orientation, colours, facts or checks."""
    with Image.open(io.BytesIO(content)) as picture:
        size = picture.size
        largest = max(box for number, box in enumerate(boxes) if number == 0 or boxes[number - 1] < max(size))
        picture.draft(None, _fit(size, largest if largest > THUMBNAIL[0] else int(largest * GAP)))
        picture.load()
        plain = picture if picture.mode in {"RGB", "L"} else picture.convert("RGB")
        for box in boxes:
            if box <= largest:
                small = plain.resize(_fit(size, box), Image.Resampling.LANCZOS, reducing_gap=GAP)
                small.save(io.BytesIO(), "WEBP", quality=75, method={1024: 1, 2048: 0}.get(box, 2))


def _fit(size: tuple[int, int], box: int) -> tuple[int, int]:
    scale = min(box / max(size), 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _naive(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((400, 400), Image.Resampling.LANCZOS)
        small.save(io.BytesIO(), "JPEG", quality=75)


def _digest(content: bytes) -> None:
    hashlib.sha256(content).digest()


def _decoded(content: bytes) -> None:
    """What nobody can do without: of a JPEG all its Huffman codes, of others all pixels of the first frame."""
    with Image.open(io.BytesIO(content)) as picture:
        picture.draft(None, (1, 1))
        picture.load()


def _spent(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def _least(work: Callable[[], object]) -> float:
    return min(_spent(work) for _ in range(ROUNDS))


def _turns(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    spent = [(_spent(one), _spent(other)) for _ in range(ROUNDS)]
    return min(mine for mine, _ in spent), min(its for _, its in spent)


def _peak(path: Path, boxes: tuple[int, ...]) -> int:
    """Most memory of a process that makes these pictures and nothing else, in MiB."""
    command = [sys.executable, "-c", MEASURE, str(path), *map(str, boxes)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout) // 1024


async def _in_the_jail(rounds: int = 8, jobs: int = 20) -> Row:
    """Thumbnails of 12 MP photographs a second, a process each, on all cores; in turns with the loop, because what the cores do
    together changes from one second to the next. Of all rounds the middle one.
    """
    content, pool, cores = images.twelve_megapixels(), Children(), len(os.sched_getaffinity(0))
    ours, bare = [], []
    await pool.start()
    try:
        with multiprocessing.get_context("spawn").Pool(cores) as loops:
            for _ in range(rounds + 1):
                began = time.perf_counter()
                made = await asyncio.gather(*(pool.render(content) for _ in range(jobs)))
                ours.append(jobs / (time.perf_counter() - began))
                if not all(isinstance(one, Rendered) for one in made):
                    raise RuntimeError("a photograph was not drawn")
                began = time.perf_counter()
                loops.map(_thumbnails, [(content, jobs // cores)] * cores, chunksize=1)
                bare.append(jobs // cores * cores / (time.perf_counter() - began))
    finally:
        await pool.stop()
    rates = sorted(theirs / mine for mine, theirs in zip(ours[1:], bare[1:], strict=True))
    what = f"thumbnails of 12 MP JPEG, each in a jailed process, {cores} at once, middle of {rounds} rounds"
    reference = f"{statistics.median(bare[1:]):.0f}/s: the bare loop and SHA-256, one process for all on each core"
    ratio = f"{statistics.median(rates):.2f} ({rates[0]:.2f} to {rates[-1]:.2f})"
    return Row(what, f"{statistics.median(ours[1:]):.0f}/s", reference, ratio)


def _thumbnails(order: tuple[bytes, int]) -> None:
    content, times = order
    for _ in range(times):
        bare_loop(content, THUMBNAIL)
        _digest(content)
