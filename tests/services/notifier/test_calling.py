"""Calls over real sockets: where they go is looked up once, checked and pinned; what comes back is bounded."""

import asyncio
import datetime as dt
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coffer_notifier.calling import BODY_LENGTH, HEADERS_LENGTH, WebReceivers, look_up
from coffer_notifier.handlers.deps import Answer, CallFailed
from factories.receivers import Receiver, hanging, receiver

NAME = "hooks.example.org"


class Names:
    """Answers for names, in order; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def post(receivers: WebReceivers, url: str, body: bytes = b"{}") -> Answer:
    return await receivers.post(url, body, {"webhook-id": "1", "Content-Type": "application/json"})


async def refused(receivers: WebReceivers, url: str) -> str:
    with pytest.raises(CallFailed) as failed:
        await post(receivers, url)
    return failed.value.code


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as receiving:
        yield receiving


async def test_a_call_is_one_post_and_its_answer_is_kept_as_it_begins(told: Receiver) -> None:
    told.answers = {"X-Cache": "miss", "Retry-After": "17"}
    answer = await post(WebReceivers(allow_loopback=True), told.url, b'{"a":1}')
    (call,) = told.calls
    assert (call.path, call.body, call.headers["content-type"]) == ("/hook", b'{"a":1}', "application/json")
    assert (answer.status, answer.retry_after_seconds) == (200, 17)
    assert answer.head.startswith("HTTP/1.1 200 OK\n")
    assert "X-Cache: miss" in answer.head
    assert answer.head.endswith("\n\nthanks")


@pytest.mark.parametrize("allow", [False, True])
async def test_this_machine_is_called_only_if_that_is_allowed(told: Receiver, allow: bool) -> None:
    receivers = WebReceivers(allow_loopback=allow)
    secure = told.url.replace("http:", "https:")
    if allow:
        assert (await post(receivers, told.url)).status == 200
        return
    assert await refused(receivers, told.url) == "https_required"
    for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1", "127.1"):
        assert await refused(receivers, secure.replace("127.0.0.1", host)) == "address_not_allowed", host
    assert told.calls == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "100.64.0.1", "224.0.0.1"])
async def test_a_name_that_leads_inside_is_not_called_even_if_it_leads_outside_too(address: str) -> None:
    for found in ([address], ["93.184.215.14", address], [address, "93.184.215.14"]):
        names = Names(found)
        assert await refused(WebReceivers(allow_loopback=False, look_up=names), f"https://{NAME}/") == "address_not_allowed"


async def test_a_name_that_leads_elsewhere_a_moment_later_is_called_where_it_led(told: Receiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    receivers = WebReceivers(allow_loopback=True, look_up=names)
    url = f"http://{NAME}:{told.port}/hook"
    assert (await post(receivers, url)).status == 200
    assert names.asked == [NAME], "looked up once"
    assert told.calls[0].headers["host"] == f"{NAME}:{told.port}"
    assert await refused(receivers, url) == "address_not_allowed"
    assert len(told.calls) == 1


async def test_http_goes_nowhere_but_to_this_machine() -> None:
    receivers = WebReceivers(allow_loopback=True, look_up=Names(["93.184.215.14"]))
    assert await refused(receivers, f"http://{NAME}/") == "https_required"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(told: Receiver, status: int) -> None:
    told.status, told.answers = status, {"Location": told.url}
    assert (await post(WebReceivers(allow_loopback=True), told.url)).status == status
    assert len(told.calls) == 1


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    told: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        assert (await post(WebReceivers(allow_loopback=True), told.url)).status == 200
        assert proxy.calls == []
    assert "authorization" not in told.calls[0].headers


async def test_a_receiver_that_hangs_is_given_up_in_time() -> None:
    with hanging() as url:
        assert await refused(WebReceivers(allow_loopback=True, limit_seconds=0.2), url) == "timeout"


async def test_names_that_nobody_answers_for_are_given_up_in_time() -> None:
    async def never(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    receivers = WebReceivers(allow_loopback=False, look_up=never, limit_seconds=0.1)
    assert await refused(receivers, f"https://{NAME}/") == "timeout"


async def test_a_host_that_is_gone_and_a_name_that_is_none_are_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        receivers = WebReceivers(allow_loopback=True)
        assert await refused(receivers, f"http://127.0.0.1:{taken.getsockname()[1]}/") == "not_connected"
    with pytest.raises(OSError, match=r".+"):
        await look_up("surely.invalid.")
    assert await refused(WebReceivers(allow_loopback=False, look_up=Names([])), f"https://{NAME}/") == "name_not_found"


async def test_of_a_large_answer_only_the_beginning_is_read(told: Receiver) -> None:
    told.body = b"\x00" + b"\xff" * 5_000_000
    told.answers = {f"X-Filler-{number}": "y" * 200 for number in range(50)}
    answer = await post(WebReceivers(allow_loopback=True), told.url)
    assert answer.status == 200
    assert len(answer.head) <= HEADERS_LENGTH + BODY_LENGTH + 2
    assert "\x00" not in answer.head
    assert answer.head.encode()


@asynccontextmanager
async def saying(said: bytes, *, then_close: bool) -> AsyncIterator[str]:
    """The address of somebody who answers these bytes."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        if then_close:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def dripping(begins: bytes, drop: bytes) -> AsyncIterator[str]:
    """The address of somebody who begins to answer and goes on for ever, a drop at a time."""
    over, drips = asyncio.Event(), []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        drips.append(asyncio.current_task())
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begins)
            while not over.is_set():
                writer.write(drop)
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), 0.01)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        over.set()
        await asyncio.gather(*(drip for drip in drips if drip))


async def test_a_head_that_drips_for_ever_is_given_up_in_time() -> None:
    async with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y") as url:
        assert await refused(WebReceivers(allow_loopback=True, limit_seconds=0.5), url) == "timeout"


@pytest.mark.parametrize(
    ("begins", "drop", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n", (b"X-A: " + b"y" * 4000 + b"\r\n") * 20, "invalid_answer"),
        (b"HTTP/1.1 200 OK\r\n", b"a:b\r\n" * 1000, "invalid_answer"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 4000, "invalid_answer"),
        (b"HTTP/1.1 200 ", b"y" * 4000, "invalid_answer"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "timeout"),
        (b"", b"\r\n" * 50, "timeout"),
    ],
    ids=["fields", "short fields", "one field", "the status line", "not yet", "empty lines"],
)
async def test_a_head_without_an_end_is_neither_kept_nor_waited_for(begins: bytes, drop: bytes, code: str) -> None:
    async with dripping(begins, drop) as url:
        limit_seconds = 1 if code == "timeout" else 60
        assert await refused(WebReceivers(allow_loopback=True, limit_seconds=limit_seconds), url) == code


async def test_of_a_body_without_an_end_the_beginning_is_kept_and_nothing_waited_for() -> None:
    chunk = b"400\r\n" + b"z" * 0x400 + b"\r\n"
    async with dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk) as url:
        answer = await asyncio.wait_for(post(WebReceivers(allow_loopback=True, limit_seconds=60), url), 30)
    assert answer.status == 200
    assert answer.head.endswith("z" * 100)
    assert len(answer.head) <= HEADERS_LENGTH + BODY_LENGTH + 2


async def test_what_is_packed_is_not_unpacked(told: Receiver) -> None:
    told.body, told.answers = gzip.compress(b"0" * 10_000_000), {"Content-Encoding": "gzip"}
    answer = await post(WebReceivers(allow_loopback=True), told.url)
    assert answer.status == 200
    assert "000" not in answer.head.partition("\n\n")[2]
    assert told.calls[0].headers["accept-encoding"] == "identity"


LATER = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    "asked",
    [
        *("-5", "1e3", "\u0663", "9999999999", "", "tomorrow", "Wed, 99 Oct 2026 07:28:00 GMT", LATER + "(" * 50),
        *("Wed, 21 Oct 2026 07:27:00 GMT", "Wed, 21 Oct 2026 07:20:00 GMT", "Wed, 21 Oct 9999 07:28:00 GMT", "0 0 0 0 0"),
        "Wed, 21 Oct 2026 07:28:00 +99999999999999",
    ],
)
async def test_a_wait_that_is_neither_seconds_nor_a_date_to_come_is_none(told: Receiver, asked: str) -> None:
    told.status, told.answers = 503, {"Retry-After": asked.encode().decode("latin-1")}
    told.clock = "Wed, 21 Oct 2026 07:27:00 GMT"
    assert (await post(WebReceivers(allow_loopback=True), told.url)).retry_after_seconds is None


@pytest.mark.parametrize("asked", [LATER, "Wednesday, 21-Oct-26 07:28:00 GMT", "Wed Oct 21 07:28:00 2026"])
async def test_a_date_is_a_wait_by_the_clock_of_whoever_says_it(told: Receiver, asked: str) -> None:
    told.status, told.answers = 429, {"Retry-After": asked}
    told.clock = "Wed, 21 Oct 2026 07:26:30 GMT"
    assert (await post(WebReceivers(allow_loopback=True), told.url)).retry_after_seconds == 90


async def test_a_date_without_a_clock_beside_it_is_held_against_ours(told: Receiver) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    told.status, told.answers = 503, {"Retry-After": f"{later:%a, %d %b %Y %H:%M:%S} GMT"}
    told.clock = "no date"
    wait = (await post(WebReceivers(allow_loopback=True), told.url)).retry_after_seconds
    assert wait is not None
    assert 7100 < wait <= 7200


@pytest.mark.slow
async def test_a_body_that_never_comes_does_not_undo_a_yes() -> None:
    async with saying(b"HTTP/1.1 200 Fine\r\nContent-Length: 9\r\nX: y\r\n\r\n", then_close=False) as url:
        answer = await post(WebReceivers(allow_loopback=True, limit_seconds=5), url)
    assert answer.status == 200
    assert answer.head.endswith("X: y\n\n")


@pytest.mark.slow
async def test_a_yes_just_before_the_time_is_over_is_one_however_its_body_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_notifier.calling.BODY_SECONDS", 6)
    async with saying(b"HTTP/1.1 200 Fine\r\nContent-Length: 9\r\nX: y\r\n\r\n", then_close=False) as url:
        answer = await post(WebReceivers(allow_loopback=True, limit_seconds=3), url)
    assert answer.status == 200


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, b"HTTP/1.1 200 " + b"x" * 100_000]
)
async def test_an_answer_that_is_none_is_a_failure(said: bytes) -> None:
    async with saying(said, then_close=True) as url:
        assert await refused(WebReceivers(allow_loopback=True), url) in {"invalid_answer", "not_connected"}


@contextmanager
def certified(name: str, folder: Path) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]]:
    """A server's side and a client's side that believe in a certificate for `name`, and the names that clients asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    asked: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, private)
    server.sni_callback = lambda _socket, sni, _context: asked.append(sni)
    yield server, ssl.create_default_context(cafile=str(chain)), asked


async def test_a_pinned_address_is_asked_for_its_name_and_must_prove_it(tmp_path: Path) -> None:
    with certified(NAME, tmp_path) as (server, client, asked), receiver(server) as told:
        receivers = WebReceivers(allow_loopback=True, look_up=Names(["127.0.0.1"]), tls=client)
        assert (await post(receivers, f"https://{NAME}:{told.port}/hook")).status == 200
        assert asked == [NAME]
        assert told.calls[0].headers["host"] == f"{NAME}:{told.port}"
        assert await refused(receivers, f"https://other.example.org:{told.port}/hook") == "tls_failed"
        stranger = WebReceivers(allow_loopback=True, look_up=Names(["127.0.0.1"]))
        assert await refused(stranger, f"https://{NAME}:{told.port}/hook") == "tls_failed"
        assert len(told.calls) == 1
