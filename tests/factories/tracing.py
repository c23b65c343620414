"""Where spans of a test go: a list, in place of a receiver."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from coffer_chassis import tracing
from coffer_chassis.trace_headers import Parent
from coffer_chassis.tracing import Span

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def parent_of(number: int, *, sampled: bool = True) -> str:
    """A traceparent of a trace of its own."""
    return f"00-{number:032x}-{number:016x}-{'01' if sampled else '00'}"


@dataclass
class Kept:
    """Keeps what begins anew, and what is kept above it."""

    spans: list[Span] = field(default_factory=list)

    def samples(self, _span: Span, parent: Parent | None) -> bool:
        """See Outlet."""
        return parent is None or parent.sampled

    def take(self, span: Span) -> None:
        """See Outlet."""
        self.spans.append(span)

    @property
    def names(self) -> list[str]:
        """In the order in which they ended."""
        return [span.name for span in self.spans]

    def named(self, name: str) -> list[Span]:
        """All of that name."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def kept_spans() -> Iterator[Kept]:
    """Spans that end inside are kept."""
    kept = Kept()
    tracing.export_to(kept)
    try:
        yield kept
    finally:
        tracing.export_to(None)
