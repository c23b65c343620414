"""What the page on usage figures says is so; and the command that it names does what it says."""

import argparse
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coffer_notifier import __main__ as program
from coffer_notifier.domain.analytics import SERIES
from coffer_notifier.handlers.counting import fold
from coffer_notifier.routes.analytics import MOST_POINTS, USUAL_DAYS
from coffer_notifier.routes.analytics_answers import GROUPS
from factories.events import NOON
from factories.notifier import Notifier, settings
from factories.usage import House
from factories.usage_kept import empty

PAGE = (Path(__file__).parents[3] / "docs" / "analytics.md").read_text(encoding="utf-8")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    program.EXTRAS["analytics"].arguments(parser)
    return parser.parse_args(words)


def test_the_page_names_every_group_and_every_act() -> None:
    counted = PAGE.partition("## What is counted")[2].partition("##")[0]
    assert re.findall(r"^\| `(\w+)` \|", counted, re.MULTILINE) == list(GROUPS)
    repair = PAGE.partition("## Repair")[2]
    acts = re.findall(r"^\| `(\w+)` \|", repair, re.MULTILINE)
    assert [parsed(act).act for act in acts] == acts == ["check", "rebuild", "anew", "settle"]


def test_everything_that_is_counted_is_in_a_group() -> None:
    assert {series for group in GROUPS.values() for series in group} == set(SERIES)


def test_the_page_says_the_numbers_of_the_code() -> None:
    known = settings("postgresql+asyncpg://u:p@h/d")
    assert f"`COFFER_NOTIFIER_ANALYTICS_OPEN_DAYS` ({known.analytics_open_days})" in PAGE
    assert f"`COFFER_NOTIFIER_ANALYTICS_KEEP_DAYS` ({known.analytics_keep_days})" in PAGE
    assert f"up to {MOST_POINTS:,} points" in PAGE
    assert "last thirty days" in PAGE
    assert USUAL_DAYS == 30


async def test_the_command_looks_rebuilds_and_says_what_goes_first(
    notifier: Notifier, capsys: pytest.CaptureFixture[str]
) -> None:
    await empty(notifier)
    house = House(31, NOON.date().replace(day=12)).run(days=3)
    await notifier.handle_together(*house.facts)
    await fold(notifier.deps)
    async with notifier.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM analytics_days WHERE series = 'uploads'")
    service: Any = SimpleNamespace(deps=notifier.deps)

    async def run(act: str) -> tuple[int, str]:
        code = await program.mend_figures(service, parsed(act))
        told = capsys.readouterr()
        return code, told.out + told.err

    gone = sum(key[1] == "uploads" for key in house.expected)
    assert await run("check") == (0, f"{gone} figures of uploads would change\n{gone} figures in all.\n")
    assert await run("rebuild") == (0, f"{gone} figures of uploads changed\n{gone} figures in all.\n")
    assert await run("check") == (0, "0 figures in all.\n")
    assert await run("settle") == (1, "Nothing is being learned anew.\n")
    assert (await run("anew"))[0] == 0
    assert await run("check") == (1, "How items stand is being learned anew; settle that first.\n")
    await notifier.handle_together(*house.snapshot(NOON))
    assert await run("settle") == (0, "0 figures in all.\n")
