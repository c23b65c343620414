"""Fixtures that every test may ask for, and logs without the pictures of tracebacks that take 0.1 s each to paint."""

import functools
import gc

import httpx
import pytest
import structlog
from httpx._transports import default as httpx_default
from hypothesis import HealthCheck, settings

from factories.cloud import cloud, tag
from factories.databases import database, postgres
from factories.engines import engines_end
from factories.eventing import store, store_url
from factories.moto_cloud import moto

# What it holds against each other is shown when it differs; whoever imports it first, this was first.
pytest.register_assert_rewrite("factories.following")

__all__ = ["cloud", "database", "engines_end", "moto", "postgres", "store", "store_url", "tag"]

structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info, structlog.dev.ConsoleRenderer()]
)

# Every client reads all certificates of this machine, even to speak to `http`: 23 ms for each of thousands.
vars(httpx_default)["create_ssl_context"] = functools.cache(httpx.create_ssl_context)

# Time limits per example fail on a busy machine and say nothing about the code.
settings.register_profile("coffer", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coffer")


def pytest_collection_finish() -> None:
    """Thousands of collected tests are no garbage: looking through them again and again took a seventh of the processor."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
