"""Where webhooks may go: no spelling of an address leads into the installation's own network."""

from ipaddress import ip_address

import pytest

from coffer_notifier.domain.addresses import URL_LENGTH, AddressRefused, Target, is_public, require_allowed, target_of

INSIDE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_special_address_is_public(address: str) -> None:
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused) as refused:
        target_of(f"https://{host}/hook", allow_loopback=False)
    assert refused.value.code == "address_not_allowed"


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://hooks.example.org", "https://hooks.example.org/"),
        ("https://Hooks.Example.ORG:443/A?b=c", "https://hooks.example.org/A?b=c"),
        ("https://hooks.example.org:8443/a%20b", "https://hooks.example.org:8443/a%20b"),
        ("https://bücher.example/ü?ä=1", "https://xn--bcher-kva.example/%C3%BC?%C3%A4=1"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
        ("https://a_b.example.org./", "https://a_b.example.org./"),
    ],
)
def test_an_address_is_kept_in_one_form_that_reads_the_same_again(url: str, kept: str) -> None:
    target = target_of(url, allow_loopback=False)
    assert target.url == kept
    assert target_of(kept, allow_loopback=False) == target


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "invalid_url"),
        ("hooks.example.org", "https_required"),
        ("http://hooks.example.org/", "https_required"),
        ("ftp://hooks.example.org/", "https_required"),
        ("file:///etc/passwd", "https_required"),
        ("https:///hook", "invalid_url"),
        ("https://", "invalid_url"),
        ("https://user:secret@hooks.example.org/", "credentials_in_url"),
        ("https://hooks.example.org@127.0.0.1/", "credentials_in_url"),
        ("https://hooks.example.org:22/", "port_not_allowed"),
        ("https://hooks.example.org:0/", "port_not_allowed"),
        ("https://hooks.example.org:99999/", "invalid_url"),
        ("https://hooks.example.org:x/", "invalid_url"),
        ("https://hooks.example.org/#part", "invalid_url"),
        ("https://hooks.example.org/a b", "invalid_url"),
        ("https://hooks.example.org/\r\nX: y", "invalid_url"),
        ("https://hooks.example.org\\@evil.example/", "invalid_url"),
        ("https://hooks..example.org/", "invalid_url"),
        ("https://\uff11\uff12\uff17.0.0.1/", "address_not_allowed"),
        ("https://[::1/", "invalid_url"),
        ("https://[fe80::1%25eth0]/", "invalid_url"),
        ("https://exa%6dple.org/", "invalid_url"),
        (f"https://{'a' * 64}.example.org/", "invalid_url"),
        (f"https://hooks.example.org/{'a' * URL_LENGTH}", "invalid_url"),
        (f"https://hooks.example.org/{'ü' * 700}", "invalid_url"),
    ],
)
def test_refuses_what_is_no_address_for_a_webhook(url: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        target_of(url, allow_loopback=False)
    assert refused.value.code == code


def test_loopback_is_allowed_by_a_setting_only_and_http_to_nowhere_else() -> None:
    assert target_of("http://127.0.0.1:9000/", allow_loopback=True).url == "http://127.0.0.1:9000/"
    assert target_of("http://localhost/", allow_loopback=True).port == 80
    with pytest.raises(AddressRefused, match="https only"):
        target_of("http://8.8.8.8/", allow_loopback=True)
    plain = Target("http", "hooks.example.org", 80, "/")
    require_allowed(plain, "::1", allow_loopback=True)
    for address, code in (("8.8.8.8", "https_required"), ("10.0.0.1", "address_not_allowed")):
        with pytest.raises(AddressRefused) as refused:
            require_allowed(plain, address, allow_loopback=True)
        assert refused.value.code == code
