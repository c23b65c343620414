"""The way to the mail provider in a house of chaos; it remembers under which Message-ID each mail was handed over."""

from email import message_from_bytes
from typing import Any


class Post:
    """The way to the mail provider, which remembers under which Message-ID mails were handed over."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.handed_over: set[str] = set()

    async def send(self, mail: bytes, *, to: str) -> str:
        """See Post of the notifier."""
        self.handed_over.add(str(message_from_bytes(mail)["Message-ID"]))
        ses_id: str = await self._inner.send(mail, to=to)
        return ses_id
