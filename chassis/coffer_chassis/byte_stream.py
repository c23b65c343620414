"""A long answer of bytes that are made as they are read: plain ASGI below Litestar's `Response`. No more than a piece is
held, and nothing is made once the client has gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from litestar import Response
from litestar.types import Receive, Scope, Send

STALLED_SECONDS = 60
"""How long a client may take for a piece: whoever reads nothing must not keep what the answer holds."""


class ByteStream(Response[bytes]):
    """Answers with the pieces of a generator, which is closed in any case: at its end, by its failure, which breaks the answer
    off so that the client can tell, and when the client leaves or reads nothing for STALLED_SECONDS.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(b"", media_type="application/octet-stream")
        self._pieces = pieces
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    def to_asgi_response(self, *_args: Any, **_options: Any) -> Any:
        """What Litestar awaits with the connection."""
        return self._answer

    async def _answer(self, _scope: Scope, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not writing.done():
                writing.cancel()
            # Waited for, so that whatever the generator holds is let go of when this returns.
            await asyncio.gather(writing, leaving, return_exceptions=True)
        if not writing.cancelled() and (failure := writing.exception()) is not None:
            raise failure

    async def _write(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            async for piece in pieces:
                if piece:
                    async with asyncio.timeout(STALLED_SECONDS):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
