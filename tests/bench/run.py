"""`make bench`: measures a fresh local stack on this machine and writes docs/benchmarks.md."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import events, flow, kinds, limits, measures, media, played, same_sql, scale, search, shared, sharing, streams, web
from factories.stacks import WIDE_LIMITS, stack_on_disk

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def processor() -> str:
    """The processor's name, as Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def main() -> None:
    """Measure and write."""
    with stack_on_disk(**WIDE_LIMITS) as stack:
        rows = [
            measures.upload_to_thumbnail(stack),
            *flow.verdict_latency(stack),
            *(measures.list_hundred(stack, clients) for clients in (1, 8, 32)),
            *(measures.create_folder(stack, clients) for clients in (1, 8, 32)),
            *(measures.rename_folder(stack, clients) for clients in (8, 32)),
            *(measures.start_upload(stack, clients) for clients in (8, 32)),
            *sharing.rights_in_time(stack),
            sharing.told_in_time(stack),
            sharing.make_shares(stack, 8),
            *(row for clients in (1, 8) for row in shared.list_hundred_shares(stack, clients)),
            *same_sql.same_statements(stack),
            measures.database_alone(stack),
            measures.start_up(stack),
            measures.idle_memory(stack),
        ]
        rows += search.search_as_you_type(stack)
        rows += web.web_app(stack)
        rows += scale.huge_drive(stack)
        stack.stop()
    rows += sharing.rights_in_crowds()
    rows += streams.cost_of_streams()
    rows += events.events()
    rows += limits.cost_of_limits()
    rows += media.cost_of_previews()
    rows += kinds.cost_of_kinds()
    rows += played.cost_of_playing()
    rows += flow.cost_of_flow()
    for row in rows:
        print(f"{row.what}: {row.figure}  [{row.reference}; {row.ratio}]")
    PAGE.write_text(page(rows))


def page(rows: list[measures.Row]) -> str:
    """The report."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("litestar", "uvicorn", "asyncpg", "ministack", "pillow"))
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Load client, services, database and local cloud share the cores; a figure means little",
        "without the reference beside it, which was taken in the same minute. Loops are closed, 4 s each: requests per",
        "second, p50 / p99. One person asks for all of it, so limits are set to a million requests a minute; they are counted",
        "as always.",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores of {processor()}, {memory:.0f} GiB,",
        f"Linux {platform.release()}, Python {platform.python_version()}, {packages}.",
        "",
        "| what | figure | reference | ratio |",
        "| --- | --- | --- | --- |",
        *(f"| {row.what} | {row.figure} | {row.reference} | {row.ratio} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
