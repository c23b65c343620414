"""Where webhooks may go: addresses on the public Internet, by https. Pure; who looks names up is `calling.py`.

What a name leads to is judged by the address itself and at the moment of connecting, so that no spelling of an address
and no name that leads elsewhere a moment later gets a request into the installation's own network.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

URL_LENGTH = 2000
"""Characters; what receivers and the software in front of them surely take (RFC 9110 section 4.1 asks for 8000)."""
LOWEST_PORT = 1024
"""Below it are services that no webhook is meant for, such as mail; 443 apart."""
HTTPS_PORT = 443
HTTP_PORT = 80
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
"""What stands for itself in a path (RFC 3986 section 3.3); the rest is written in percents."""

_NO_GLOBAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # shared by carriers (RFC 6598)
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's own service, though the address is public
            "169.254.0.0/16",  # link-local (RFC 3927), and with it the metadata of machines in clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.31.196.0/24",  # AS112 (RFC 7535)
            "192.52.193.0/24",  # AMT (RFC 7450)
            "192.88.99.0/24",  # relays from 6to4 (RFC 7526)
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112 (RFC 7534)
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
"""All that is assigned as global unicast. Mapped and translated IPv4, unique local and link-local lie outside."""
_NO_GLOBAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments (RFC 2928), Teredo among them, which carries an IPv4 address
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4 (RFC 3056): carries an IPv4 address
            "2620:4f:8000::/48",  # AS112 (RFC 7534)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


class AddressRefused(Exception):
    """No webhook may go there. `code` is a stable word, the message is for whoever set the webhook up."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook goes, taken apart. `host` is a name in ASCII, or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query, as it is sent."""

    @property
    def url(self) -> str:
        """The address in one form, without a port that goes without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": HTTPS_PORT, "http": HTTP_PORT}[self.scheme]
        port = "" if self.port == usual else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host, if it is an address and no name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def target_of(url: str, *, allow_loopback: bool) -> Target:
    """What an address says. Raises AddressRefused for one that no webhook may have, whatever its name leads to.

    With `allow_loopback` http is taken too; that it leads to this machine is judged when it is called.
    """
    if not url or len(url) > URL_LENGTH or not url.isprintable() or any(character in ' \\"<>^`{|}' for character in url):
        raise AddressRefused("invalid_url", f"A web address of up to {URL_LENGTH} characters is expected.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("invalid_url", "This is no web address.") from error
    if parts.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
        raise AddressRefused("https_required", "Webhooks go out by https only.")
    if "@" in parts.netloc:
        raise AddressRefused("credentials_in_url", "User and password do not belong into the address; verify the signature.")
    if parts.fragment or "#" in url:
        raise AddressRefused("invalid_url", "A fragment is never sent; leave it out.")
    port = port if port is not None else HTTPS_PORT if parts.scheme == "https" else HTTP_PORT
    usual = {HTTPS_PORT, HTTP_PORT} if allow_loopback else {HTTPS_PORT}
    if port not in usual and not LOWEST_PORT <= port <= 65535:
        raise AddressRefused("port_not_allowed", f"The port must be {HTTPS_PORT}, or {LOWEST_PORT} and above.")
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        path += "?" + quote(parts.query, safe=_PATH_SAFE + "?")
    target = Target(parts.scheme, _host(parts.hostname), port, path)
    if target.address is not None:
        require_allowed(target, str(target.address), allow_loopback=allow_loopback)
    if len(target.url) > URL_LENGTH:
        raise AddressRefused("invalid_url", f"Written out, the address has more than {URL_LENGTH} characters.")
    return target


def _host(host: str | None) -> str:
    if not host or "%" in host:
        raise AddressRefused("invalid_url", "The address names no host.")
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressRefused("invalid_url", "The address names no host.") from error
    labels = name.removesuffix(".").split(".")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(name) > 253 or any(not 1 <= len(label) <= 63 or label.strip(letters) for label in labels):
        raise AddressRefused("invalid_url", "The address names no host.")
    return name


def require_allowed(target: Target, address: str, *, allow_loopback: bool) -> None:
    """Raise AddressRefused unless a request to `target` may be sent to this address. To be asked for every address that is
    connected to.
    """
    found = ip_address(address.partition("%")[0])
    if found.is_loopback and allow_loopback:
        return
    if not is_public(found):
        raise AddressRefused("address_not_allowed", "The address lies in a network that webhooks do not go to.")
    if target.scheme != "https":
        raise AddressRefused("https_required", "Webhooks go out by https only.")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is on the public Internet: what IANA's registries of special addresses name is not, nor is IPv4 in IPv6."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NO_GLOBAL_V4)
    return address.is_global and address in _GLOBAL_V6 and not any(address in network for network in _NO_GLOBAL_V6)
