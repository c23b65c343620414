"""The one OpenAPI document of all services, made from their routes without starting any of them."""

import json
from importlib.metadata import version
from typing import Any

from litestar import Litestar

from coffer_chassis.http import build_app
from coffer_chassis.openapi import describe, merge
from coffer_contracts.problems import Unavailable
from coffer_local.gateway import own_app
from coffer_local.registry import SERVICES

DESCRIPTION = """\
A cloud drive. Announce an upload, send its bytes straight to the signed address in the answer, and follow its state.

Failures are RFC 9457 problems; `code` is stable and the text is not. Lists are paged by an opaque `cursor`. Creating POSTs
take an `Idempotency-Key`; items carry an `ETag` that `If-Match` protects. Clients ignore fields they do not know.
"""


def route_apps() -> dict[str, Litestar]:
    """The HTTP applications of all services and of the gateway, built for their routes only: they answer no request."""
    apps = {
        entry.name: build_app(service=entry.name, route_handlers=entry.routes, dependencies=dict.fromkeys(entry.dependencies))
        for entry in SERVICES
        if entry.routes
    }
    return apps | {"gateway": own_app({})[0]}


def document() -> dict[str, Any]:
    """The merged document; the same routes give the same document."""
    sent = {entry.name: entry.outgoing() for entry in SERVICES if entry.outgoing is not None}
    documents = {
        # Whatever stands on a store can be without it.
        name: describe(
            app, title=name, version="1", shared=() if name == "gateway" else (Unavailable,), outgoing=sent.get(name)
        )
        for name, app in route_apps().items()
    }
    return merge(documents, title="Coffer", version=version("coffer"), description=DESCRIPTION)


def document_text() -> str:
    """The document as it is committed and served."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
