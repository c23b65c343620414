"""The page of eventing rules names a test for each, and every test it names is there."""

import re
from pathlib import Path

from coffer_local.registry import SERVICES
from factories.rows import for_every

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "eventing.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| rule", "| pain", "| ---"))]
RULES = 40


def test_every_rule_is_there_once() -> None:
    numbers = [int(found[1]) for line in ROWS if (found := re.match(r"\| (\d+)\. ", line))]
    assert numbers == list(range(1, RULES + 1))


@for_every("row", ROWS, ids=lambda row: row[2:60])
def test_a_rule_is_shown_by_tests_that_exist(row: str) -> None:
    shown = re.findall(r"`(tests/[\w/-]+\.py)(?:::(\w+))?`", row.rsplit(" | ", maxsplit=1)[-1])
    assert shown
    for path, name in shown:
        text = (ROOT / path).read_text()
        assert re.search(rf"^\s*(async )?def {name or 'test_'}", text, re.MULTILINE), f"{path} has no {name}"


def test_lanes_give_heavy_work_more_tries() -> None:
    for service in SERVICES:
        for lane in service.topology.lanes:
            assert lane.max_receives == (10 if lane.queue.endswith("-bulk") else 5), lane.queue
            assert lane.visibility_seconds >= 60
