"""Settings that say where their value is kept: the whole text, a member of JSON, and everything that can be wrong with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from coffer_auth.settings import AuthSettings
from coffer_chassis import commands
from coffer_chassis.aws import AwsAccess
from coffer_chassis.commands import Program
from coffer_chassis.secret_references import SecretUnreadable, read_secret, resolved
from coffer_chassis.settings import CofferSettings
from factories.accounts import MAIL_KEY
from factories.cloud import REGION, Cloud
from factories.moto_cloud import MotoCloud

KEPT = {"plain": "the-secret-text", "json": json.dumps({"url": "from-json", "number": 7, "nothing": None}), "list": "[1]"}


def kept(secret: str) -> str:
    try:
        return KEPT[secret]
    except KeyError:
        raise SecretUnreadable("the secret it refers to cannot be read (ResourceNotFoundException)") from None


def test_a_reference_becomes_the_text_of_the_secret_and_other_settings_stay() -> None:
    values = {"a": "aws-secretsmanager:plain", "b": "aws-secretsmanager:json#url", "c": "plain", "d": ["aws-secretsmanager:x"]}
    assert resolved(values, kept) == values | {"a": "the-secret-text", "b": "from-json"}


def test_a_secret_that_several_settings_refer_to_is_read_once() -> None:
    asked: list[str] = []

    def read(secret: str) -> str:
        asked.append(secret)
        return kept(secret)

    resolved(dict.fromkeys("abc", "aws-secretsmanager:json#url") | {"d": "aws-secretsmanager:plain"}, read)
    assert asked == ["json", "plain"]


@pytest.mark.parametrize(
    "reference", ["gone", "gone#url", "plain#url", "json#gone", "json#number", "json#nothing", "json#", "list#0"]
)
def test_what_cannot_be_read_names_the_setting_and_nothing_of_the_secret(reference: str) -> None:
    with pytest.raises(SecretUnreadable) as refusal:
        resolved({"key_secret": f"aws-secretsmanager:{reference}"}, kept, prefix="COFFER_AUTH_")
    message = str(refusal.value)
    assert message.startswith("COFFER_AUTH_KEY_SECRET: ")
    assert not any(word in message for word in ("the-secret-text", "from-json", "gone", "number", "plain"))
    assert refusal.value.__cause__ is None


def test_nothing_is_asked_where_no_setting_refers_to_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COFFER_BUCKET", "coffer-test")
    assert CofferSettings().bucket == "coffer-test"


@pytest.mark.slow
def test_an_unreachable_cloud_stops_the_start_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "AKIANOBODY",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_MAX_ATTEMPTS": "1",
        "COFFER_AUTH_DATABASE_URL": "aws-secretsmanager:prod/coffer#auth",
        "COFFER_AUTH_CURSOR_KEY": "00" * 32,
        "COFFER_AUTH_KEY_SECRET": "00" * 32,
    }.items():
        monkeypatch.setenv(name, value)

    async def never(*_: Any) -> Any:
        raise AssertionError("built without its settings")

    assert commands.main(Program("coffer_auth", AuthSettings, never), ["serve"]) == 2
    told = capsys.readouterr().err
    assert told == (
        "A setting cannot be read: COFFER_AUTH_DATABASE_URL: the secret it refers to cannot be read (EndpointConnectionError)\n"
    )


@pytest.fixture(params=["ministack", pytest.param("moto")])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cloud that the SDK's own variables lead to, and the client of its administrator."""
    running: Cloud | MotoCloud = request.getfixturevalue("cloud" if request.param == "ministack" else "moto")
    _lead(monkeypatch, running.admin)
    return boto3.client("secretsmanager", **running.admin.client_arguments("secretsmanager"))


def _lead(monkeypatch: pytest.MonkeyPatch, access: AwsAccess) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", access.endpoint_url or "")
    monkeypatch.setenv("AWS_REGION", access.region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access.access_key_id or "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", access.secret_access_key.get_secret_value() if access.secret_access_key else "")


Named = Callable[[str], str]


@pytest.fixture
def named(tag: str, request: pytest.FixtureRequest) -> Named:
    """Names that no other test has."""
    return lambda name: f"coffer/{tag}/{len(request.node.name)}/{name}"


@pytest.mark.slow
def test_a_service_reads_its_secrets_from_the_cloud_by_name_by_arn_and_by_member(
    place: Any, named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = place.create_secret(Name=named("key"), SecretString="ab" * 32)["ARN"]
    database = "postgresql+asyncpg://coffer:pa55@db.example.org/auth"
    place.create_secret(Name=named("all"), SecretString=json.dumps({"cursor": "cd" * 32, "auth": database}))
    for name, value in {
        "COFFER_AUTH_KEY_SECRET": f"aws-secretsmanager:{arn}",
        "COFFER_AUTH_CURSOR_KEY": f"aws-secretsmanager:{named('all')}#cursor",
        "COFFER_AUTH_DATABASE_URL": f"aws-secretsmanager:{named('all')}#auth",
        "COFFER_REDIS_URL": f"aws-secretsmanager:{named('key')}",
        "COFFER_AUTH_MAIL_PUBLIC_KEY": MAIL_KEY.sealing.hex,
    }.items():
        monkeypatch.setenv(name, value)
    settings, coffer = AuthSettings(), CofferSettings()
    assert settings.key_secret.get_secret_value() == "ab" * 32
    assert settings.cursor_key.get_secret_value() == "cd" * 32
    assert str(settings.database_url) == database
    assert coffer.redis_url is not None
    assert coffer.redis_url.get_secret_value() == "ab" * 32
    assert "abab" not in repr(settings) + repr(coffer)
    # A rotation is noticed by the next start, and by that only.
    place.put_secret_value(SecretId=arn, SecretString="ef" * 32)
    assert settings.key_secret.get_secret_value() == "ab" * 32
    assert AuthSettings().key_secret.get_secret_value() == "ef" * 32


@pytest.mark.slow
def test_an_absent_secret_a_binary_one_and_a_wrong_value_stop_the_start(
    place: Any, named: Named, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SecretUnreadable, match=r"ResourceNotFoundException"):
        read_secret(named("absent"))
    place.create_secret(Name=named("binary"), SecretBinary=b"\x00\x01")
    with pytest.raises(SecretUnreadable, match="no text"):
        read_secret(named("binary"))
    place.create_secret(Name=named("short"), SecretString="topsecret-but-too-short")
    monkeypatch.setenv("COFFER_AUTH_KEY_SECRET", f"aws-secretsmanager:{named('short')}")
    monkeypatch.setenv("COFFER_AUTH_CURSOR_KEY", "00" * 32)
    monkeypatch.setenv("COFFER_AUTH_DATABASE_URL", "postgresql+asyncpg://coffer@db.example.org/auth")

    async def never(*_: Any) -> Any:
        raise AssertionError("built without its settings")

    assert commands.main(Program("coffer_auth", AuthSettings, never), ["serve"]) == 2
    told = capsys.readouterr().err
    assert "COFFER_AUTH_KEY_SECRET" in told
    assert "topsecret" not in told
    assert "short" not in told.replace("Settings", "")


@pytest.mark.slow
def test_a_key_without_the_right_to_read_it_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    admin = boto3.client("secretsmanager", **cloud.admin.client_arguments("secretsmanager"))
    admin.create_secret(Name=f"coffer/{tag}/guarded", SecretString="x")
    _lead(monkeypatch, cloud._access(cloud._keys[0]))
    with pytest.raises(SecretUnreadable, match="AccessDenied"):
        read_secret(f"coffer/{tag}/guarded")


def test_the_region_of_an_arn_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Seen by the host that the SDK would ask: nothing is sent, because there are no credentials."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SecretUnreadable, match="NoCredentialsError"):
        read_secret(f"arn:aws:secretsmanager:{REGION}:123456789012:secret:coffer/x-AbCdEf")
    with pytest.raises(SecretUnreadable, match="InvalidRegionError"):
        read_secret("arn:aws:secretsmanager:no region:123456789012:secret:coffer/x-AbCdEf")
    with pytest.raises(SecretUnreadable, match="no secret"):
        read_secret("")
