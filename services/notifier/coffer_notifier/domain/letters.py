"""What mail is: a subject, a text and HTML, safe whatever people call themselves and their files. Pure. What each says stands
in the files beside this.

Names reach a mail's header and its HTML, so control characters and those that turn the direction of writing are taken
out, lengths are cut, and everything is escaped where it stands.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

SUBJECT_LENGTH = 120
NAME_LENGTH = 60
MESSAGE_LENGTH = 2000

_TURNS_WRITING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

_ADDRESS = re.compile(r"https?://[!-;=?-~]{1,900}", re.ASCII)

_SEVEN_BITS = SMTP.clone(cte_type="7bit")
"""Not every server on the way takes more (RFC 6152)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it will be sent."""

    to: str
    subject: str
    text: str
    html: str
    leave: str | None = None
    """Where its reader wants no more mail of the kind; None for mail that cannot be turned off."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What a mail is a part of, so that whoever runs Coffer can tell from a mail what led to it."""

    traceparent: str | None = None
    correlation_id: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Header fields. For mail nothing of the kind is registered, and any name may be used (RFC 5322 section 3.6.8):
        the first is W3C Trace Context's own, the second the one that most systems know.
        """
        given = {"Traceparent": self.traceparent, "X-Correlation-ID": self.correlation_id}
        return {name: value for name, value in given.items() if value and _ID.fullmatch(value)}


NOWHERE = Trail()


def clean(text: str, length: int, *, lines: bool = False) -> str:
    """The text without what could break a header or mislead a reader, on one line unless `lines`, cut to `length`."""
    kept = "".join(
        " " if character in "\t\r\n" and not lines else character
        for character in text.replace("\r\n", "\n").replace("\r", "\n")
        if character in "\t\n" or not _is_unsafe(character)
    )
    if not lines:
        kept = " ".join(kept.split())
    kept = kept.strip()
    return kept if len(kept) <= length else kept[: length - 1].rstrip() + "…"


def _header(text: str, length: int) -> str:
    # The email package reads encoded words (RFC 2047) in what it is given, line breaks inside them included: tried, a name of
    # that form made a header of its own.
    return clean(text.replace("=?", "= ?"), length)


def _is_unsafe(character: str) -> bool:
    return character in _TURNS_WRITING or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def usable_address(address: str) -> str | None:
    """The address as mail can carry it, its domain in ASCII; None for what no provider takes (RFC 5321 section 4.1.2)."""
    local, separator, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii") if separator else ""
    except UnicodeError:
        return None
    if not local or "@" in local or not local.isascii() or "" in ascii_domain.split("."):
        return None
    spoken = f"{local}@{ascii_domain}"
    if len(spoken) > 254 or any(character in ' ,:;<>()[]\\"' or not character.isprintable() for character in spoken):
        return None
    return spoken


def mime_of(letter: Letter, *, sender: str, message_id: str, at: datetime, trail: Trail = NOWHERE) -> bytes:
    """The whole mail as bytes: text and HTML side by side (RFC 2046 section 5.1.4).

    Raises ValueError for an address that cannot stand in a header.
    """
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=_SEVEN_BITS)
    mail["From"] = Address(_header(name, NAME_LENGTH), addr_spec=address)
    mail["To"] = Address("", addr_spec=letter.to)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday reply, please
    for field, value in trail.fields.items():
        mail[field] = value
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    # Written by the older class: the newer one loses blanks where it breaks a line between encoded words (tried on 3.11).
    subject = Header(clean(letter.subject, SUBJECT_LENGTH), "utf-8", header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {subject}\r\n{_leaving(letter)}".encode("ascii") + mail.as_bytes()


def _leaving(letter: Letter) -> str:
    """How programs that read mail turn off what their reader no longer wants, by one click (RFC 2369, RFC 8058). Not given to
    the email package, which would fold an address that has no place to be folded at.
    """
    if letter.leave is None:
        return ""
    if not _ADDRESS.fullmatch(letter.leave):
        raise ValueError("this is no address that can stand in a header")
    return f"List-Unsubscribe: <{letter.leave}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
