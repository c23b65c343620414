"""When a file is scanned for viruses, and what follows from the answer or from none."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import structlog

from coffer_chassis.blobs import Blobs
from coffer_chassis.handling import Retry
from coffer_media_worker.antivirus import Scanned, ScannerDownError
from coffer_media_worker.domain import Flag, RejectReason, Verdict

Policy = Literal["fail_open", "fail_closed", "retry"]
RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Scans(Protocol):
    """A virus scanner."""

    async def scan(self, pieces: AsyncIterator[bytes]) -> Scanned:
        """What it finds. Raises ScannerDownError, and whatever taking a piece raises."""


@dataclass(frozen=True, slots=True)
class Antivirus:
    """A scanner, and what is done where it gives no answer. `max_bytes` is clamd's StreamMaxLength; more is not sent."""

    scanner: Scans
    when_down: Policy
    when_too_large: Literal["fail_open", "fail_closed"]
    max_bytes: int

    async def judge(self, verdict: Verdict, blobs: Blobs, key: str, etag: str, size_bytes: int) -> tuple[Verdict, str]:
        """The verdict on an object that was cleared by its bytes, and the name of what was found in it.

        Raises Retry where the scanner is down and that is the policy, BlobMissing and BlobChanged for an object that went away.
        """
        if not verdict.cleared or size_bytes == 0:
            return verdict, ""
        if size_bytes > self.max_bytes:
            return _unscanned(verdict, self.when_too_large), ""
        try:
            async with aclosing(_read(blobs, key, etag)) as pieces:
                scanned = await self.scanner.scan(pieces)
        except ScannerDownError as error:
            log.warning("scanner_down", error=str(error), policy=self.when_down)
            if self.when_down == "retry":
                raise Retry(f"the virus scanner: {error}", after_seconds=RETRY_SECONDS, doubling=True) from error
            return _unscanned(verdict, self.when_down), ""
        if scanned.too_large:
            return _unscanned(verdict, self.when_too_large), ""
        if scanned.found is not None:
            return replace(verdict, reason=RejectReason.INFECTED), scanned.found
        return verdict, ""


async def _read(blobs: Blobs, key: str, etag: str) -> AsyncGenerator[bytes, None]:
    """The object's pieces; it is opened when the first one is taken, so whoever waits for their turn holds nothing open."""
    async with blobs.stream(key, etag=etag) as pieces:
        async for piece in pieces:
            yield piece


def _unscanned(verdict: Verdict, policy: Policy) -> Verdict:
    if policy == "fail_closed":
        return replace(verdict, reason=RejectReason.NOT_SCANNED)
    return replace(verdict, flags=tuple(sorted({*verdict.flags, Flag.UNSCANNED})))
