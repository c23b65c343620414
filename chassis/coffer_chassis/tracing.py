"""Spans: what is being done at this moment, and in which trace. Every request, message and job runs inside one.

Without OpenTelemetry a span is two ids that log lines and facts carry. Where spans go is said once for the process, by
`export_to`. Nothing people type may become a name or an attribute: spans leave the installation.
"""

import random
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Protocol, Self

from coffer_chassis.trace_headers import Parent, parent_in

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | int | float | bool

LINKS = 128
"""Per span, as OpenTelemetry limits them."""

_current: ContextVar["Span | None"] = ContextVar("span", default=None)
_service: ContextVar[str] = ContextVar("service", default="local")


class Outlet(Protocol):
    """Where spans go when they end."""

    def samples(self, span: "Span", parent: Parent | None) -> bool:
        """Whether a span that begins is to be kept; asked before it has a name for good. Must be quick, must not raise."""

    def take(self, span: "Span") -> None:
        """Take a span that has ended. Must be quick, must neither block nor raise."""


_outlet: Outlet | None = None


def export_to(outlet: Outlet | None) -> None:
    """Send spans there from now on, or nowhere. For the start and the end of a process."""
    global _outlet  # noqa: PLW0603 - one for the process, as OpenTelemetry has it
    _outlet = outlet


def is_exporting() -> bool:
    """Whether spans of this process go anywhere."""
    return _outlet is not None


class Span:
    """Something that takes time and happens in one place. Entered at most once; made by `span`."""

    __slots__ = (
        "_above",
        "_expected",
        "_kept",
        "_quiet",
        "_token",
        "attributes",
        "ended_ns",
        "error",
        "kind",
        "links",
        "name",
        "parent",
        "sampled",
        "service",
        "span_id",
        "started_ns",
        "state",
        "trace_id",
    )

    def __init__(
        self,
        name: str,
        kind: Kind,
        parent: Parent | None,
        links: tuple[Parent, ...],
        attributes: dict[str, Attribute],
        state: str | None,
        service: str | None,
        above: "Span | None",
        *,
        quiet: bool,
        expected: tuple[type[BaseException], ...],
    ) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.links = links
        self.attributes = attributes
        self.error: str | None = None
        """What kind of failure it ended with: the name of an exception's class, or a status."""
        self.state = state
        self._above = above
        inherited = above.service if above is not None else _service.get()
        self.service: str = service or inherited
        self._quiet = quiet
        self._kept = False
        self._expected = expected
        self.started_ns = self.ended_ns = 0
        # Neither secret nor weak: unique is enough, and the generator is seeded anew in forked processes.
        self.trace_id = parent.trace_id if parent else f"{random.getrandbits(128) or 1:032x}"
        self.span_id = f"{random.getrandbits(64) or 1:016x}"
        if parent is None and links:
            self.sampled = any(link.sampled for link in links)
        elif _outlet is None:
            self.sampled = parent is not None and parent.sampled
        else:
            self.sampled = _outlet.samples(self, parent)

    @property
    def traceparent(self) -> str:
        """What names this span to others (W3C Trace Context section 3.2)."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @property
    def is_entry(self) -> bool:
        """Whether what it is a part of runs elsewhere, or has ended."""
        return self._above is None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        if _outlet is not None and self.sampled:
            self.started_ns = time.time_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _current.reset(self._token)
        if kind is not None and self.error is None and not issubclass(kind, self._expected):
            self.error = kind.__name__
        if _outlet is None or not self.started_ns or (self._quiet and not self._kept and self.error is None):
            return
        self.ended_ns = time.time_ns()
        if self._above is not None:
            self._above._keep()  # noqa: SLF001  # same class
        _outlet.take(self)

    def hush(self) -> None:
        """Make it quiet: it is one of many that nobody wants to see."""
        self._quiet = True

    def _keep(self) -> None:
        if not self._kept:
            self._kept = True
            if self._above is not None:
                self._above._keep()  # noqa: SLF001  # same class


def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    links: Iterable[str | None] = (),
    attributes: Mapping[str, Attribute] | None = None,
    state: str | None = None,
    service: str | None = None,
    root: bool = False,
    quiet: bool = False,
    expected: tuple[type[BaseException], ...] = (),
) -> Span:
    """A span to be entered with `with`: a child of the traceparent `parent` if that is valid, else of the current span.

    `root` leaves the current span out of account, which may be there by accident: tasks inherit it from whoever started
    them. `links` are traceparents of what else led to this; a span with links and no parent is kept if one of those is.
    `state` is the tracestate that came with `parent`. `quiet` spans go nowhere unless they failed or something came of them.
    `expected` exceptions are no failure.
    """
    above = None if root else _current.get()
    given = parent_in(parent)
    if given is None and above is not None:
        given = Parent(above.trace_id, above.span_id, above.sampled)
        state = above.state
    linked = tuple(dict.fromkeys(found for link in links if (found := parent_in(link))))[:LINKS] if links else ()
    own = dict(attributes) if attributes else {}
    return Span(name, kind, given, linked, own, state, service, above, quiet=quiet, expected=expected)


def within(name: str, belongs: str | None) -> AbstractContextManager[Span | None]:
    """Work in the trace of the traceparent `belongs`, whoever asked for it: the current span if it is part of that trace,
    else a span there that leads to the current one. Without a valid one the current span goes on.
    """
    running, parent = _current.get(), parent_in(belongs)
    if parent is None or running is None:
        return nullcontext(running) if parent is None else span(name, parent=belongs)
    if running.trace_id == parent.trace_id:
        return nullcontext(running)
    running._keep()  # noqa: SLF001  # same module
    return span(name, parent=belongs, links=(running.traceparent,), service=running.service, root=True)


def current() -> Span | None:
    """The span this code runs in."""
    return _current.get()


def traceparent() -> str | None:
    """The current span as others are to name it."""
    running = _current.get()
    return running.traceparent if running is not None else None


def keep() -> None:
    """Something came of the current span: a quiet one is worth being looked at."""
    running = _current.get()
    if running is not None:
        running._keep()  # noqa: SLF001  # same module


def serve_as(service: str) -> None:
    """From now on spans of this task, and of those it starts, belong to `service`."""
    _service.set(service)
