"""A code has one address, whichever part of Coffer refuses."""

from litestar.testing import TestClient

from coffer_local.gateway import own_app


def test_the_gateway_gives_codes_the_same_address_as_services_do() -> None:
    own, _ = own_app({}, problem_base="https://coffer.test/docs")
    with TestClient(own) as client:
        assert client.get("/v1/nowhere").json()["type"] == "https://coffer.test/docs/problems/not-found"
