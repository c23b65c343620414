"""The gateway's own settings: two addresses for every service of the route table, and a word about each that is wrong."""

import pytest

from coffer_local.__main__ import main
from coffer_local.gateway_process import GatewaySettings
from coffer_local.route_table import OWNERS


def test_every_service_of_the_route_table_has_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in OWNERS:
        prefix = f"COFFER_GATEWAY_{service.replace('-', '_').upper()}_"
        monkeypatch.setenv(f"{prefix}URL", f"http://{service}:8000")
        monkeypatch.setenv(f"{prefix}INTERNAL_URL", f"http://{service}:9000")
    settings = GatewaySettings()
    assert settings.given("url") == {service: f"http://{service}:8000" for service in OWNERS}
    assert settings.given("internal_url") == {service: f"http://{service}:9000" for service in OWNERS}


def test_an_address_that_is_not_given_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in OWNERS:
        monkeypatch.delenv(f"COFFER_GATEWAY_{service.replace('-', '_').upper()}_URL", raising=False)
    assert GatewaySettings().given("url") == {}


@pytest.mark.parametrize("address", ["files:8000", "http://files:8000/path", "ftp://files", "http://files?x=1"])
def test_an_address_that_is_none_is_named(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COFFER_GATEWAY_FILES_URL", address)
    assert main(["gateway"]) == 2
    assert "COFFER_GATEWAY_FILES_URL" in capsys.readouterr().err
