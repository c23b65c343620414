"""A mail server: a real one on a loopback port that takes what it is sent, as far as it was not told otherwise."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailServer:
    """What it got and how it answers. `answers` says for a verb what is answered instead; `hangs_at` which is never."""

    offers_tls: bool = True
    accounts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    hangs_at: str = ""
    port: int = 0
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    was_secure: bool = False
    signed_in: str | None = None
    context: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await Conversation(self, reader, writer).run()
        writer.close()


@dataclass
class Conversation:
    """One client."""

    server: MailServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    to: str = ""

    async def run(self) -> None:
        """Until the client has enough."""
        await self._say("220 test ready")
        verb = ""
        while verb != "QUIT" and (line := await self.reader.readline()):
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            self.server.verbs.append(verb)
            if verb == self.server.hangs_at:
                await self.reader.read()
                return
            await self._say(self.server.answers.get(verb) or await self._answer(verb, rest))
            if verb == "STARTTLS":
                assert self.server.context is not None
                await self.writer.start_tls(self.server.context)

    async def _answer(self, verb: str, rest: str) -> str:
        named = rest.partition("<")[2].partition(">")[0]
        match verb:
            case "EHLO":
                return self._greeting()
            case "AUTH":
                return self._sign_in(rest)
            case "MAIL":
                self.sender = named
            case "RCPT":
                self.to = named
            case "DATA":
                return await self._take()
            case "QUIT":
                return "221 bye"
        return "220 go ahead" if verb == "STARTTLS" else "250 ok"

    def _greeting(self) -> str:
        offers = ["STARTTLS"] if self.server.offers_tls and not self._is_secure else []
        more = ["test", *offers, *(["AUTH PLAIN"] if self.server.accounts else [])]
        return "\r\n".join([*(f"250-{one}" for one in more), "250 SIZE 1000000"])

    def _sign_in(self, rest: str) -> str:
        _, name, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        is_known = self.server.accounts.get(name) == password
        self.server.signed_in = name if is_known else None
        return "235 2.7.0 in" if is_known else "535 5.7.8 no"

    async def _take(self) -> str:
        await self._say("354 go on")
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        content = b"\r\n".join(one.removeprefix(b".") for one in raw[:-5].split(b"\r\n")) + b"\r\n"
        said = self.server.answers.get("CONTENT", f"250 2.0.0 queued as {len(self.server.mails) + 1}")
        if said.startswith("2"):
            self.server.was_secure = self._is_secure
            self.server.mails.append((self.sender, self.to, content))
        return said

    @property
    def _is_secure(self) -> bool:
        return self.writer.get_extra_info("ssl_object") is not None

    async def _say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()


@asynccontextmanager
async def mail_server(server: MailServer, folder: Path, *, tls: bool = False) -> AsyncIterator[ssl.SSLContext]:
    """Serve until the end; what a client must trust to believe it. `tls`: from the beginning."""
    server.context, trust = certificate(folder)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=server.context if tls else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield trust
    finally:
        listening.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for 127.0.0.1 with a certificate of its own, and a client's that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    own = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = made.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(own + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=public.decode())
