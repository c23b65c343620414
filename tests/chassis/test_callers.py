"""Where a request comes from: only trusted proxies speak for others, and nobody chooses whom they are counted as."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from coffer_chassis.callers import MOST_HOPS, Caller, Callers, network_of

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1")


def scope(client: str | None, *forwarded: str, agent: str | None = None) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1", "replace")) for value in forwarded]
    headers += [(b"user-agent", agent.encode("latin-1"))] if agent is not None else []
    return {"client": (client, 50000) if client is not None else None, "headers": headers}


def address(client: str | None, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str | None:
    return Callers(trusted).of(scope(client, *forwarded)).address


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.5", (), "203.0.113.5"),
        ("203.0.113.5", ("198.51.100.1",), "203.0.113.5"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.9.9.9",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1", "10.9.9.9"), "198.51.100.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("10.7.7.7",), "10.7.7.7"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8::1]:4711",), "2001:db8::1"),
        ("10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("2001:db8:ffff::1", ("2001:db8::1",), "2001:db8::1"),
        (None, ("198.51.100.1",), None),
    ],
)
def test_the_nearest_that_is_no_trusted_proxy_is_the_caller(
    client: str | None, forwarded: tuple[str, ...], expected: str | None
) -> None:
    assert address(client, *forwarded) == expected


@pytest.mark.parametrize(
    "hop",
    ["", " ", "unknown", "_hidden", "localhost", "198.51.100.1 x", "0x7f000001", "198.51.100.1:99999999", "[", "[]:1", "é"],
)
def test_what_is_no_address_ends_the_chain_at_the_last_that_is_one(hop: str) -> None:
    assert address("10.0.0.1", f"198.51.100.9, {hop}, 10.2.2.2") == "10.2.2.2"
    assert address("10.0.0.1", hop) == "10.0.0.1"


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert address("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


def test_a_proxy_that_nobody_named_is_told_of_once_and_strangers_who_claim_something_never() -> None:
    callers = Callers(("10.0.0.0/8",))
    with capture_logs() as said:
        for client in ("8.8.8.8", "192.168.1.1", "192.168.1.1", "10.0.0.1"):
            callers.network(scope(client, "198.51.100.1"))
        callers.network(scope("127.0.0.1"))
    assert [(line["event"], line["proxy"]) for line in said] == [("proxy_not_trusted", "192.168.1.1")]


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_whatever_a_stranger_writes_before_the_proxys_word_changes_nothing(text: str) -> None:
    written = text.replace("\n", "").replace("\r", "")
    assert address("10.0.0.1", f"{written}, 198.51.100.1") == "198.51.100.1"
    assert address("203.0.113.5", written) == "203.0.113.5"


def test_of_a_chain_without_an_end_only_our_end_is_looked_at() -> None:
    callers = Callers(PROXIES)
    endless = scope("10.0.0.1", ", ".join(f"10.{number % 250}.{number // 250 % 250}.7" for number in range(6000)))
    assert callers.network(endless) == f"10.{(6000 - MOST_HOPS) % 250}.{(6000 - MOST_HOPS) // 250 % 250}.7"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%made-up", "fe80::/64"),
        ("", None),
        ("nowhere", None),
        (None, None),
    ],
)
def test_an_ipv6_address_counts_as_its_64(text: str | None, network: str | None) -> None:
    assert network_of(text) == network
    assert Caller(text, None).network == network
    assert Callers().network(scope(text)) == network


def test_agents_are_cut_and_printable() -> None:
    callers = Callers()
    assert callers.of(scope("203.0.113.5", agent="curl/8\x00\x1b[31m")).agent == "curl/8[31m"
    assert callers.of(scope("203.0.113.5", agent="x" * 5000)).agent == "x" * 256
    assert callers.of(scope("203.0.113.5")).agent is None


@pytest.mark.parametrize("network", ["10.0.0.0/33", "proxy", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_at_the_start(network: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        Callers((network,))
