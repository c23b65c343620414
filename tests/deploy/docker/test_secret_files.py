"""The job that makes secrets: each container's file holds what it needs and no secret of another."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from coffer_chassis.settings import CofferSettings
from coffer_local.__main__ import main
from coffer_local.credentials import Credentials
from coffer_local.environment import issuers, secret_names
from coffer_local.home import Home, StartError
from coffer_local.registry import SERVICES
from coffer_local.secret_files import folders, make_folders, write_secret_files
from factories.compose import ROOT, containers

GIVEN = containers()["secrets"].environment


@pytest.fixture(autouse=True)
def _as_in_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("COFFER_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def write(into: Path) -> None:
    write_secret_files(into, CofferSettings(), database="postgres:5432")


def read(into: Path, name: str) -> dict[str, str]:
    lines = (into / name / "environment").read_text().splitlines()
    assert all(line.startswith("export ") for line in lines)
    return {name: "".join(shlex.split(value)) for name, _, value in (line[7:].partition("=") for line in lines)}


def secrets_of(into: Path) -> Credentials:
    with Home.open(into / "kept") as home:
        return Credentials.open(home, [entry.name for entry in SERVICES], named=secret_names())


@pytest.mark.parametrize("entry", SERVICES, ids=lambda entry: entry.name)
def test_a_service_starts_with_its_file_and_needs_nothing_else(
    entry: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    (service,) = (one for one in SERVICES if one is entry)
    for name in GIVEN:
        monkeypatch.delenv(name)
    for name, value in read(tmp_path, service.name).items():
        monkeypatch.setenv(name, value)
    coffer, settings = CofferSettings(), service.settings()
    assert settings.database_url.hosts()[0]["host"] == "postgres"
    assert coffer.s3_public_url == "http://localhost:4566"
    assert (coffer.public_url, coffer.host) == ("http://localhost:8080", "0.0.0.0")
    assert {one.issuer for one in coffer.trusted_issuers} == set(issuers().values())
    assert "http://auth:8000/.well-known/jwks.json" in {one.jwks_url for one in coffer.trusted_issuers}


def test_nobody_is_given_a_secret_of_another(tmp_path: Path) -> None:
    write(tmp_path)
    made = secrets_of(tmp_path)
    for entry in SERVICES:
        text = (tmp_path / entry.name / "environment").read_text()
        strangers = [other.name for other in SERVICES if other is not entry]
        for other in strangers:
            assert made.passwords[other] not in text
            assert made.keys[other].secret not in text
        assert made.admin.secret not in text
        assert made.superuser_password not in text
        mine = {name for name in made.named if name == f"cursor-{entry.name}" or name.startswith(f"{entry.name}-")}
        assert {name for name, secret in made.named.items() if secret in text} == mine
    provision = (tmp_path / "provision" / "environment").read_text()
    assert made.admin.secret in provision
    assert "DATABASE" not in provision
    databases = (tmp_path / "databases" / "environment").read_text()
    assert made.superuser_password in databases
    assert "AWS_" not in databases
    cloud = (tmp_path / "ministack" / "environment").read_text()
    assert not [name for name, secret in made.named.items() if secret in cloud]
    assert made.superuser_password not in cloud


def test_files_are_closed_to_everybody_but_their_reader(tmp_path: Path) -> None:
    write(tmp_path)
    for path in (found for found in tmp_path.rglob("*") if found.is_file()):
        mode = path.stat().st_mode & 0o777
        # PostgreSQL's image has an account of its own; its volume holds nothing else.
        assert mode == (0o444 if path.name == "password" else 0o600 if path.parent.name == "kept" else 0o400), path
    for name in folders():
        assert (tmp_path / name).stat().st_mode & 0o777 == (0o755 if name == "postgres" else 0o700), name


def test_a_second_run_keeps_every_secret_and_follows_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    before = {name: read(tmp_path, name) for name in folders() if (tmp_path / name / "environment").exists()}
    monkeypatch.setenv("COFFER_PUBLIC_URL", "https://drive.example.org")
    write(tmp_path)
    for name, variables in before.items():
        after = read(tmp_path, name)
        changed = {key for key in variables if after[key] != variables[key]}
        assert changed == ({"COFFER_PUBLIC_URL"} & set(variables)), name
    assert "https://drive.example.org" in read(tmp_path, "files").values()


def test_a_folder_that_was_lost_is_written_again_with_the_same_secrets(tmp_path: Path) -> None:
    write(tmp_path)
    before = read(tmp_path, "files")
    (tmp_path / "files" / "environment").unlink()
    (tmp_path / "files").rmdir()
    write(tmp_path)
    assert read(tmp_path, "files") == before


def test_what_must_be_said_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COFFER_GATEWAY_AUTH_URL")
    with pytest.raises(StartError, match="COFFER_GATEWAY_AUTH_URL must be set"):
        write(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(StartError, match="AWS_ENDPOINT_URL must be set"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_does_the_same_and_says_nothing_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
    assert read(tmp_path, "auth")["COFFER_AUTH_DATABASE_URL"].endswith("@postgres:5432/coffer_auth")


def test_an_image_gets_empty_folders_for_its_volumes(tmp_path: Path) -> None:
    make_folders(tmp_path)
    make_folders(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(folders())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def entered(tmp_path: Path, image: str, *arguments: str, **given: str) -> list[str]:
    """What the entry point makes of a container: the command it becomes, and the variables that program sees."""
    binaries = tmp_path / "bin"
    binaries.mkdir(exist_ok=True)
    (binaries / "python").write_text('#!/bin/sh\necho "$@"\nexport -p\n')
    (binaries / "python").chmod(0o755)
    script = (ROOT / "deploy" / "docker" / "entrypoint.sh").read_text().replace("/run/coffer", str(tmp_path))
    environ = {"PATH": f"{binaries}:/usr/bin:/bin", "COFFER_IMAGE": image} | given
    done = subprocess.run(
        ["/bin/sh", "-c", script, "entrypoint.sh", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_entry_point_reads_the_file_in_and_becomes_the_program_of_its_image(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("export A='from the file'\nexport B='it'\"'\"'s $HOME `x`'\n")
    lines = entered(tmp_path, "media-worker", "serve", A="given $B", C="'")
    assert lines[0] == "-m coffer_media_worker serve"
    said = "\n".join(lines[1:])
    assert re.search(r"A='given \$B'", said)
    assert "$HOME `x`" in said
    for image in ("gateway", "local"):
        assert entered(tmp_path, image, "x y", "z")[0] == "-m coffer_local x y z"


def test_a_container_without_a_file_starts_as_it_is(tmp_path: Path) -> None:
    assert entered(tmp_path, "auth", "migrate")[0] == "-m coffer_auth migrate"
