"""The one Dockerfile: pinned, without root, without compilers, and with nothing of this machine in it."""

import re

from coffer_local.registry import SERVICES
from factories.compose import DOCKERFILE, ROOT

TEXT = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
LINES = [line for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]
BUILD, FINAL = (stage.splitlines() for stage in re.split(r"^FROM ", "\n".join(LINES), flags=re.MULTILINE)[1:])


def test_the_base_is_an_argument_with_a_version_and_both_stages_stand_on_it() -> None:
    assert LINES[0] == "ARG BASE=python:3.11-slim-bookworm"
    assert BUILD[0] == "${BASE} AS build"
    assert FINAL[0] == "${BASE}"


def test_only_hashed_wheels_are_installed() -> None:
    installs = [line for line in LINES if "pip" in line and " install " in line]
    assert len(installs) == 1
    for option in ("--require-hashes", "--only-binary :all:", "--no-cache-dir"):
        assert option in installs[0]
    assert not [line for line in FINAL if "pip" in line or "apt" in line]


def test_an_index_of_ones_own_never_gets_into_a_layer() -> None:
    assert "--mount=type=secret,id=pip" in TEXT
    assert not re.search(r"index-url|https?://(?!127\.0\.0\.1)", TEXT)
    assert not [line for line in LINES if line.startswith("ADD ")]


def test_it_runs_without_root_and_leaves_signals_to_the_program() -> None:
    assert "USER 10001:10001" in FINAL
    assert FINAL.index("USER 10001:10001") < next(at for at, line in enumerate(FINAL) if line.startswith("ENTRYPOINT"))
    assert "STOPSIGNAL SIGTERM" in FINAL
    assert any(line.startswith("HEALTHCHECK ") for line in FINAL)
    assert any(line.startswith('ENTRYPOINT ["') for line in FINAL)
    script = (ROOT / "deploy" / "docker" / "entrypoint.sh").read_text()
    assert script.rstrip().splitlines()[-1].startswith("exec ")


def test_the_final_stage_gets_what_was_installed_and_not_what_it_was_made_from() -> None:
    copies = [line.split() for line in FINAL if line.startswith("COPY ")]
    assert [words[-1] for words in copies] == ["/app", "/app/entrypoint.sh"]


def test_nothing_is_sent_to_the_builder_that_is_not_named() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    sources = {word for line in BUILD if line.startswith("COPY ") for word in line.split()[1:-1]}
    for source in sources:
        assert any(source == known or source.startswith(f"{known}/") or known.startswith(f"{source}/") for known in let_in), (
            source
        )
    assert not {"tests", ".git", ".coffer", ".venv", "docs"} & {line.split("/")[0] for line in let_in}


def test_every_service_has_a_folder_that_the_argument_can_name() -> None:
    for entry in SERVICES:
        assert (ROOT / "services" / entry.name / entry.package).is_dir()
