"""Log lines: one JSON object each (or readable text on a terminal), with secrets and file names taken out.

Events are short names with key-values; the request id or message id comes from the context bound at their start, trace
and span from the work the line is written in.
"""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import msgspec
import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars, reset_contextvars
from structlog.typing import Processor

from coffer_chassis import tracing

_SECRET_KEY = re.compile(
    r"authorization|token|passw|secret|signature|cookie|credential|api_?key|private_?key|otp|mfa_code|recovery|sealed",
    re.IGNORECASE,
)
_NAME_KEYS = frozenset({"name", "new_name", "old_name", "item_name", "resolved_name", "suggested_name"})
_FILE_NAME_KEY = re.compile(r"file_?name|folder_?name", re.IGNORECASE)
_SUSPECT = re.compile(r"://|[Bb]earer |eyJ|cof_pat_|\)=\(")
_SCRUBS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Each begins where a word does: trying every letter of a long one would take its length squared.
    # The query of a signed address grants access.
    (re.compile(r"((?<!\w)\w+://[^\s?#\"'<>:]*+(?::(?!//)[^\s?#\"'<>:]*+)*+)[?#][^\s\"'<>]*"), r"\1?…"),
    (re.compile(r"((?<!\w)\w+://)[^\s/@\"'<>]+@"), r"\1…@"),  # user and password in a database address
    (re.compile(r"([Bb]earer )\S+"), r"\1…"),
    (re.compile(r"(cof_pat_)[\w.-]+"), r"\1…"),
    (re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"), "…"),  # a JWT
    # PostgreSQL quotes row values in its errors
    (re.compile(r"(Key \([^)]{0,200}\)=)\(.*?\)( (?:already|is|conflicts)|$)", re.MULTILINE), r"\1(…)\2"),
)
REDACTED = "…"
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Set by the edge for the length of a request; cheaper than binding it anew into structlog's own context."""
_OWN_KEYS = frozenset({"ts", "level", "request_id", "trace_id", "span_id", "route", "method"})
"""Written by the chassis itself from bounded values; skipping them halves the cost of a line."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: hide values under keys that look secret or hold a name, and secrets inside any text."""
    for key, value in event.items():
        if key not in _OWN_KEYS and value is not None:
            event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if _hidden(key):
        return value if isinstance(value, bool) else REDACTED
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, dict):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    return value


_hidden_keys: dict[str, bool] = {}


def _hidden(key: str) -> bool:
    known = _hidden_keys.get(key)
    if known is None:
        known = bool(key in _NAME_KEYS or _FILE_NAME_KEY.search(key) or _SECRET_KEY.search(key))
        if len(_hidden_keys) < 4096:  # keys come from code; the bound guards against one that does not
            _hidden_keys[key] = known
    return known


def scrubbed(text: str) -> str:
    """`text` without address queries, bearer tokens, JWTs and the row values PostgreSQL quotes in its errors."""
    if _SUSPECT.search(text) is None:
        return text
    for pattern, replacement in _SCRUBS:
        text = pattern.sub(replacement, text)
    return text


class _Lines(structlog.WriteLoggerFactory):
    """Where lines go. `plain` is the stream if lines are JSON and INFO is not silenced."""

    def __init__(self, stream: TextIO, *, plain: bool) -> None:
        super().__init__(stream)
        self.plain = stream if plain else None


_second = (0, "")


def _now() -> str:
    global _second  # noqa: PLW0603 - the text of a second is made once, not per line
    moment = time.time()
    whole = int(moment)
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{_second[1]}.{int((moment - whole) * 1_000_000):06d}Z"


def request_line(*, method: str, route: str, status: int, ms: float, code: str | None = None) -> None:
    """The one line of a request, with the code of the problem it was refused with.

    Its values are bounded and hold no secret, so it takes no processors: a fifth of the cost.

    Falls back to an ordinary line on a terminal and where logs were never configured.
    """
    factory = structlog.get_config()["logger_factory"]
    values: dict[str, object] = {"method": method, "route": route, "status": status, "ms": ms, "request_id": request_id.get()}
    if (span := tracing.current()) is not None:
        values["trace_id"], values["span_id"] = span.trace_id, span.span_id
    if code is not None:
        values["code"] = code
    if isinstance(factory, _Lines) and factory.plain is not None:
        line = {"event": "request", "level": "info", "ts": _now(), **values}
        factory.plain.write(msgspec.json.encode(line).decode() + "\n")
        factory.plain.flush()
        return
    get_logger().info("request", **values)


def _line(event: MutableMapping[str, Any], **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _with_request(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (current := request_id.get()) is not None:
        event.setdefault("request_id", current)
    if (span := tracing.current()) is not None:
        event["trace_id"], event["span_id"] = span.trace_id, span.span_id
    return event


def _shared(*, console: bool) -> list[Processor]:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts")
    traces = [] if console else [structlog.processors.format_exc_info]
    return [merge_contextvars, _with_request, structlog.processors.add_log_level, stamp, *traces, redact]


def configure(*, level: str = "INFO", stream: TextIO | None = None, console: bool | None = None, cached: bool = True) -> None:
    """Set up structlog and the standard library's loggers to write the same lines; may run again.

    `console` None means readable text when the stream is a terminal. `cached` False keeps
    loggers replaceable, for tests. Logs go to standard error: standard output belongs to commands.
    """
    target = stream or sys.stderr
    console = target.isatty() if console is None else console
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(_line)
    )
    structlog.configure(
        processors=[*_shared(console=console), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines(target, plain=not console and number <= logging.INFO),
        cache_logger_on_first_use=cached,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared(console=console)],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries speak only when something is wrong


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add `values` to every line written inside: bind at the start of a request or message, gone at its end."""
    tokens = bind_contextvars(**values)
    try:
        yield
    finally:
        reset_contextvars(**tokens)


get_logger: Callable[..., Any] = structlog.get_logger
