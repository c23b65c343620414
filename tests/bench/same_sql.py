"""What the database alone does with the statements of a request: they are taken down while the service answers it, and asked
again by pgbench, so that what HTTP, Python and events cost can be told from what the store costs.
"""

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bench.measures import Row
from coffer_contracts.ids import UserId
from factories.databases import BIN
from factories.files import Files, files_on
from factories.people import Person
from factories.stacks import LocalStack

SECONDS = 4
NAME = "taken down"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Ask = Callable[[Files, str], Awaitable[Any]]


@dataclass(frozen=True)
class Statement:
    """One statement as the driver sent it."""

    sql: str
    arguments: tuple[Any, ...]


def same_statements(stack: LocalStack, clients: int = 8) -> list[Row]:
    """The statements of the metadata requests, without anything around them."""

    async def listed(files: Files, folder: str) -> None:
        await _ok(files, "GET", f"/v1/items/{folder}/children?limit=100")

    async def made(files: Files, folder: str) -> None:
        await _ok(files, "POST", "/v1/folders", json={"parent_id": folder, "name": NAME})

    async def announced(files: Files, folder: str) -> None:
        await _ok(files, "POST", "/v1/uploads", json={"parent_id": folder, "name": NAME, "size": 100})

    asked: list[tuple[str, Ask]] = [("list 100 children", listed), ("create folder", made), ("start an upload", announced)]
    return [_row(stack, what, ask, clients) for what, ask in asked]


async def _ok(files: Files, method: str, path: str, **more: Any) -> None:
    async with files.client() as http:
        answer = await http.request(method, path, **more)
        assert answer.is_success, answer.text


def _row(stack: LocalStack, what: str, ask: Ask, clients: int) -> Row:
    ana = Person.at(stack.url)
    folder = ana.folder("hundred")["id"]
    for number in range(100):
        ana.folder(f"item {number:03}", folder)
    url = stack.variables["COFFER_FILES_DATABASE_URL"]
    statements = asyncio.run(_taken_down(url, ana.id, folder, ask))
    figure = f"{_pgbench(url, _script(statements, {ana.id, folder}), clients):,.0f}/s"
    return Row(f"the statements of '{what}' by pgbench, {clients} clients", figure, "is itself a reference", "")


async def _taken_down(url: str, owner_id: str, folder: str, ask: Ask) -> list[Statement]:
    async with files_on(url) as files:
        files.owner = replace(files.owner, user_id=UserId(owner_id))
        taken: list[Statement] = []

        def past_sqlalchemy(adapted: Any, _record: Any) -> None:
            adapted.driver_connection.add_query_logger(lambda query: _take(taken, query.query, query.args))

        def through_it(_connection: Any, _cursor: Any, sql: str, arguments: Any, *_more: Any) -> None:
            for each in arguments if isinstance(arguments, list) else [arguments]:
                _take(taken, sql, each)

        event.listen(files.engine.sync_engine, "connect", past_sqlalchemy)
        event.listen(files.engine.sync_engine, "before_cursor_execute", through_it)
        await ask(files, folder)
    return [one for one in taken if "set_config" not in one.sql and "pg_catalog" not in one.sql]


def _take(taken: list[Statement], sql: str, arguments: Iterable[Any]) -> None:
    # A transaction begins with its first statement, of which is heard before.
    taken.insert(len(taken) - sql.startswith("BEGIN"), Statement(sql, tuple(arguments)))


def _script(statements: Iterable[Statement], known: Collection[str]) -> str:
    """The statements for pgbench; ids and names that the request made are new ones every time."""
    made: dict[str, str] = {}
    lines = ["\\set number :number + 1", "\\set this :number * 1000 + :client_id"]
    for statement in statements:
        if statement.sql.startswith("INSERT"):
            for argument in statement.arguments:
                if isinstance(argument, str) and _ID.fullmatch(argument) and argument not in known:
                    made.setdefault(argument, _new_id(len(made)))
        lines.append(" ".join(_filled_in(statement, made).split()).rstrip(";") + ";")
    return "\n".join(lines)


def _filled_in(statement: Statement, made: dict[str, str]) -> str:
    return re.sub(r"\$(\d+)", lambda found: _literal(statement.arguments[int(found[1]) - 1], made), statement.sql)


def _new_id(kind: int) -> str:
    return f"('{kind:08x}-0000-4000-8000-' || lpad(to_hex(:this::bigint), 12, '0'))"


def _literal(value: Any, made: dict[str, str]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"ARRAY[{', '.join(_literal(one, made) for one in value)}]"
    # pgbench takes what follows a colon for one of its variables, in quotes as well.
    quoted = "E'" + str(value).replace("\\", r"\\").replace("'", "''").replace(":", r"\072") + "'"
    for known, new in {**made, NAME: f"('{NAME} ' || :this)"}.items():
        if known == str(value):
            return new
        if known in quoted:
            quoted = f"replace({quoted}, '{known}', {new})"
    return quoted


def _pgbench(url: str, script: str, clients: int) -> float:
    plain = url.replace("postgresql+asyncpg", "postgresql")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        command = [
            str(BIN / "pgbench"),
            "-n",
            "-f",
            str(path),
            "-D",
            f"number={int(time.time()) % 1_000_000 * 100_000}",
            "-M",
            "prepared",
        ]
        command += ["-c", str(clients), "-j", "2", "-T", str(SECONDS), plain]
        said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return float(next(line for line in said.stdout.splitlines() if line.startswith("tps")).split()[2])
