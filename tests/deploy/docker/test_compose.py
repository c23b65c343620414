"""docker-compose.yml says what the code says: a container for each service, nothing secret, nothing open without need."""

import json
import re
from importlib.resources import files

import jsonschema
import pytest
from pydantic_core import PydanticUndefined

from coffer_local.gateway_process import GatewaySettings
from coffer_local.registry import SERVICES
from coffer_local.route_table import OWNERS
from coffer_local.secret_files import folders
from factories.compose import FILE, Container, containers, document, needs_of, start_order

FOUND = containers()
OURS = [one for one in FOUND.values() if one.image is not None]
LASTING = [one for one in FOUND.values() if not one.is_job]


def named(one: Container) -> str:
    return one.name


def test_the_file_is_what_the_compose_specification_wants() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(document())))


def test_every_service_has_a_container_and_a_job_that_migrates_its_store() -> None:
    for entry in SERVICES:
        assert FOUND[entry.name].image == FOUND[f"migrate-{entry.name}"].image == entry.name
        assert FOUND[entry.name].command == ["serve"]
        assert FOUND[f"migrate-{entry.name}"].command == ["migrate"]
        assert FOUND[f"migrate-{entry.name}"].is_job
    assert {one.name for one in OURS if one.command == ["serve"]} == set(OWNERS)


def test_nothing_waits_for_itself() -> None:
    order = start_order(FOUND)
    assert set(order) == set(FOUND)
    assert order[0] == "secrets"
    assert order[-1] == "gateway"


def test_a_store_is_migrated_and_the_cloud_provisioned_before_a_service_starts() -> None:
    for entry in SERVICES:
        before = needs_of(FOUND, entry.name)
        assert {"secrets", "postgres", "databases", f"migrate-{entry.name}", "ministack", "provision"} <= before
        assert f"migrate-{entry.name}" in needs_of(FOUND, "ministack"), "it tells every store of its losses"
        assert entry.name in needs_of(FOUND, "gateway")


def test_what_is_stood_on_is_stopped_after_what_stands_on_it() -> None:
    for entry in SERVICES:
        # Jobs have ended by then, so that nothing follows from what they needed.
        assert {"postgres", "ministack"} <= set(FOUND[entry.name].needs)
    assert "postgres" in FOUND["ministack"].needs


def test_a_setting_that_changes_makes_its_readers_anew() -> None:
    known = {"COFFER_PUBLIC_URL", "COFFER_S3_PUBLIC_URL", "COFFER_BUCKET"}
    for name in ("secrets", "ministack", "provision", "gateway", *(entry.name for entry in SERVICES)):
        assert known <= set(FOUND[name].environment), name


def test_jobs_are_waited_for_until_they_have_ended_and_others_until_they_are_healthy() -> None:
    for one in FOUND.values():
        for name, condition in one.needs.items():
            assert condition == ("service_completed_successfully" if FOUND[name].is_job else "service_healthy"), one.name


@pytest.mark.parametrize("one", LASTING, ids=named)
def test_what_lasts_comes_back_tells_its_health_and_has_time_to_end(one: Container) -> None:
    assert one.raw["restart"] == "unless-stopped"
    assert one.probe
    assert int(one.raw["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize("one", FOUND.values(), ids=named)
def test_no_container_can_do_more_than_it_must(one: Container) -> None:
    assert one.raw["cap_drop"] == ["ALL"]
    assert one.raw["security_opt"] == ["no-new-privileges:true"]
    assert one.raw["read_only"] is one.raw["init"] is True
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "volumes_from"} & set(one.raw)
    assert one.raw.get("network_mode") in {None, "none"}
    for path, (volume, writable) in one.mounts.items():
        assert volume in document()["volumes"], "no folder of the machine is mounted"
        assert not writable or path in {"/var/lib/coffer", "/var/lib/postgresql"} or one.name == "secrets"


def test_only_the_gateway_and_s3_can_be_reached_and_only_from_this_machine() -> None:
    assert {one.name: one.raw["ports"] for one in FOUND.values() if "ports" in one.raw} == {
        "gateway": ["127.0.0.1:8080:8080"],
        "ministack": ["127.0.0.1:4566:4566"],
    }
    assert {name for name, how in document()["networks"].items() if not (how or {}).get("internal")} == {"edge"}
    assert {one.name for one in FOUND.values() if "edge" in one.networks} == {"gateway", "ministack", "notifier"}
    assert "store" not in FOUND["gateway"].networks


def test_those_who_talk_to_each_other_share_a_network() -> None:
    for entry in SERVICES:
        assert FOUND[entry.name].networks & FOUND["postgres"].networks
        assert FOUND[entry.name].networks & FOUND["ministack"].networks
        assert FOUND[entry.name].networks & FOUND["gateway"].networks
    for name in ("databases", "ministack", *(f"migrate-{entry.name}" for entry in SERVICES)):
        assert FOUND[name].networks & FOUND["postgres"].networks
    assert FOUND["provision"].networks & FOUND["ministack"].networks


def test_the_gateway_finds_every_service_that_answers_where_that_listens() -> None:
    given = FOUND["gateway"].environment
    settings = GatewaySettings.model_validate(
        {name.removeprefix("COFFER_GATEWAY_").lower(): value for name, value in given.items() if "_GATEWAY_" in name}
    )
    ports = {entry.name: entry.settings.model_fields for entry in SERVICES}
    for entry in SERVICES:
        listen, internal = (ports[entry.name][name].default for name in ("listen_port", "internal_port"))
        assert settings.given("internal_url")[entry.name] == f"http://{entry.name}:{internal}"
        if entry.routes:
            assert settings.given("url")[entry.name] == f"http://{entry.name}:{listen}"
        else:
            assert entry.name not in settings.given("url"), "its paths would be 503 instead of 404"


def test_two_processes_of_a_service_can_run() -> None:
    for entry in SERVICES:
        assert not {"container_name", "hostname", "ports"} & set(FOUND[entry.name].raw)


def test_no_secret_stands_in_the_file() -> None:
    secrets = {
        f"{entry.prefix}{name.upper()}"
        for entry in SERVICES
        for name, field in entry.settings.model_fields.items()
        if "SecretStr" in str(field.annotation) or name == "database_url"
    }
    secret = re.compile(r"(PASSWORD|SECRET|TOKEN|ACCESS_KEY|DATABASE_URL|ADMIN_URL)\b")
    for one in FOUND.values():
        assert not secrets & set(one.environment)
        assert [name for name in one.environment if secret.search(name)] == [], one.name
        assert "env_file" not in one.raw
        assert "secrets" not in one.raw
    assert "://" not in re.sub(r"https?://[^@\s]*(?=[\s\"'}])", "", FILE.read_text()), "an address with a password"


def test_every_secret_lies_in_a_volume_that_only_its_reader_mounts() -> None:
    volumes = {path.removeprefix("/secrets/"): volume for path, (volume, _) in FOUND["secrets"].mounts.items()}
    assert set(folders()) <= set(volumes)
    assert FOUND["secrets"].raw["network_mode"] == "none"
    for name, volume in volumes.items():
        readers = {
            one.name for one in FOUND.values() if one.name != "secrets" and volume in {to for to, _ in one.mounts.values()}
        }
        expected = set() if name == "kept" else {name, f"migrate-{name}"} & set(FOUND)
        assert readers == expected, name
        for reader in readers:
            assert FOUND[reader].mounts["/run/coffer"] == (volume, False)


def test_required_settings_are_given_by_the_files_of_secrets_and_not_twice() -> None:
    for entry in SERVICES:
        required = {
            f"{entry.prefix}{name.upper()}"
            for name, field in entry.settings.model_fields.items()
            if field.default is PydanticUndefined and field.default_factory is None
        }
        assert required
        assert not required & set(FOUND[entry.name].environment)


@pytest.mark.parametrize("one", OURS, ids=named)
def test_images_are_built_from_the_one_dockerfile_and_named_alike(one: Container) -> None:
    assert one.raw["build"]["dockerfile"] == "deploy/docker/Dockerfile"
    assert one.raw["image"] == f"coffer/{one.image}:dev"
    assert one.image in {*OWNERS, "gateway", "local"}


def test_other_images_are_pinned_to_a_version() -> None:
    others = [one.raw["image"] for one in FOUND.values() if one.image is None]
    assert len(others) == 1
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", others[0])


def test_every_variable_that_can_be_set_from_outside_has_a_default() -> None:
    assert re.findall(r"\$\{[A-Z0-9_]+\}", FILE.read_text()) == []
    assert re.findall(r"\$[A-Z]", FILE.read_text()) == []
