"""Writes what is generated from the code: JSON Schemas of events, the OpenAPI and AsyncAPI documents, what notifier says about
events, and pages of events, problems and settings.

`python -m coffer_local.docs` writes, `--check` only compares, `--freeze` also freezes what is to land of the contracts. Runs in
a checkout; an installed Coffer has no docs folder.
Schemas of types that are gone stay where they are: their addresses stand in old messages.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from coffer_chassis.trace_export import TraceSettings
from coffer_contracts.catalog import MESSAGES
from coffer_contracts.events_page import events_page
from coffer_contracts.problems import Problem, all_problems
from coffer_contracts.schemas import schema_text
from coffer_local import asyncapi_document, openapi_document, served
from coffer_local.cloud_process import CloudSettings
from coffer_local.databases import DatabaseSettings
from coffer_local.gateway_process import GatewaySettings
from coffer_local.pages import problems_page, settings_page
from coffer_local.registry import SERVICES
from coffer_local.released import to_freeze
from coffer_notifier.domain.event_types import Hearer, written_down
from coffer_notifier.handlers.event_types import WRITTEN

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = Path("contracts/schemas")
GOLDEN = Path("contracts/golden")
PACKAGE = Path("deploy/local/coffer_local")
NOTIFIER = Path("services/notifier/coffer_notifier")
AROUND = (
    ("The gateway alone", "COFFER_GATEWAY_", GatewaySettings),
    ("The local cloud alone", "COFFER_CLOUD_", CloudSettings),
    ("The job that makes databases", "COFFER_DATABASE_", DatabaseSettings),
    ("Traces", "OTEL_", TraceSettings),
)
"""What stands around the services when they run as processes of their own: name, prefix and class."""


def hearers() -> dict[str, tuple[Hearer, ...]]:
    """Which queues of which services hear which event type, by their subscriptions."""
    found: dict[str, tuple[Hearer, ...]] = {}
    for service in SERVICES:
        for lane in service.topology.lanes:
            for wire_type in sorted(name for names in lane.reads.values() for name in names):
                found[wire_type] = (*found.get(wire_type, ()), Hearer(service.name, lane.queue))
    return found


def readers() -> dict[str, list[str]]:
    """Which services read which event type."""
    return {wire_type: list(dict.fromkeys(one.service for one in queues)) for wire_type, queues in hearers().items()}


def problems() -> list[type[Problem]]:
    """Every refusal of the services; what tests have made up stays out."""
    return [kind for kind in all_problems() if kind.__module__.startswith("coffer_")]


def makers(root: Path = ROOT) -> dict[Path, Callable[[], str]]:
    """What writes each generated file, by the file's path below `root`; FileNotFoundError for an event type without a golden
    file.
    """
    examples = {event.type: (root / GOLDEN / f"{event.type}.json").read_text() for event in MESSAGES}
    made: dict[Path, Callable[[], str]] = {SCHEMAS / f"{event.type}.json": partial(schema_text, event) for event in MESSAGES}
    return made | {
        Path("docs/events.md"): lambda: events_page(MESSAGES, examples=examples, readers=readers()),
        NOTIFIER / WRITTEN: lambda: written_down(hearers(), examples),
        Path("docs/problems.md"): lambda: problems_page(problems()),
        Path("docs/settings.md"): lambda: settings_page([(one.name, one.prefix, one.settings) for one in SERVICES], AROUND),
        PACKAGE / served.DOCUMENT: openapi_document.document_text,
        PACKAGE / served.EVENTS: lambda: asyncapi_document.document_text(examples),
        PACKAGE / served.PROBLEMS: lambda: served.problems_text(problems()),
    }


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write or compare; 0 when everything is as it should be, 1 when `--check` found a stale page. May run twice."""
    parser = argparse.ArgumentParser(prog="python -m coffer_local.docs", description="Write the generated documentation.")
    parser.add_argument("--check", action="store_true", help="compare only; 1 if a page is not what the code says")
    parser.add_argument("--freeze", action="store_true", help="add what is new in the contracts to what never changes")
    asked = parser.parse_args(arguments)
    check: bool = asked.check
    pages = {**{path: make() for path, make in makers(root).items()}, **(to_freeze(root, MESSAGES) if asked.freeze else {})}
    wrong = [path for path, text in pages.items() if not _holds(root / path, text)]
    for path in wrong:
        if not check:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(pages[path], encoding="utf-8")
        sys.stdout.write(f"{path} {'is stale; run `make docs`' if check else 'written'}\n")
    return 1 if check and wrong else 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
