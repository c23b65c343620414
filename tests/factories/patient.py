"""Requests of somebody who waits for an answer as long as a busy machine may take: longer than httpx does by itself."""

from functools import partial

import httpx

SECONDS = 60

get = partial(httpx.get, timeout=SECONDS)
put = partial(httpx.put, timeout=SECONDS)
post = partial(httpx.post, timeout=SECONDS)
options = partial(httpx.options, timeout=SECONDS)
request = partial(httpx.request, timeout=SECONDS)
Client = partial(httpx.Client, timeout=SECONDS)
AsyncClient = partial(httpx.AsyncClient, timeout=SECONDS)
