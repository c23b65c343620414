"""The gateway as a process of its own, in front of services that run elsewhere: its settings and what it is made of.

Needs no service, no secret and no store.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from coffer_chassis.docs_ui import docs_routes
from coffer_chassis.health import Check
from coffer_chassis.internal import internal_app
from coffer_chassis.serving import freeze_start_up, listen, serve, stop_on_signals
from coffer_chassis.settings import CofferSettings
from coffer_local.forwarding import ForwardedFor
from coffer_local.gateway import own_app
from coffer_local.proxy import Proxy
from coffer_local.route_table import OWNERS
from coffer_local.served import document_routes, learn_problems
from coffer_local.web_site import Site, web_folder

_ADDRESS = r"^https?://[^/\s?#]+$"


class _Settings(BaseSettings):
    """What the gateway needs when it runs as a process of its own. On one machine it is part of the one process."""

    model_config = SettingsConfigDict(env_prefix="COFFER_GATEWAY_", frozen=True, extra="ignore")

    internal_host: str = Field("127.0.0.1", description="Address that /metrics, /livez and /readyz listen on.")
    internal_port: int = Field(9000, description="Port of those; never public.", ge=0, le=65535)

    storage_origins: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(
        (),
        description="JSON list of origins that files come from besides S3's public address, such as that of a CloudFront: "
        "the web app may reach these and no others.",
    )

    def given(self, what: str) -> dict[str, str]:
        """The addresses of one kind that are set, by service."""
        found = {service: getattr(self, f"{service.replace('-', '_')}_{what}") for service in OWNERS}
        return {service: url for service, url in found.items() if url is not None}


def _fields(service: str) -> dict[str, Any]:
    name = service.replace("-", "_")
    url = f"Where {service} answers, such as `http://{service}:8000`; without it its paths are 404."
    internal = f"The internal port of {service}, such as `http://{service}:9000`; with it `/readyz` speaks of {service} too."
    return {
        f"{name}_url": (str | None, Field(None, description=url, pattern=_ADDRESS)),
        f"{name}_internal_url": (str | None, Field(None, description=internal, pattern=_ADDRESS)),
    }


GatewaySettings = create_model(
    "GatewaySettings",
    __base__=_Settings,
    __doc__=_Settings.__doc__,
    **{name: field for service in OWNERS for name, field in _fields(service).items()},
)
"""Two addresses for each service of the route table."""


async def run_gateway(coffer: CofferSettings, settings: _Settings) -> None:
    """Serve until told to stop. Raises OSError when an address is taken."""
    learn_problems()

    def check(url: str) -> Check:
        async def probe() -> None:
            status = await proxy.ask(f"{url}/readyz")
            if status != 200:
                raise ConnectionError(f"not ready: {status}")

        return Check(probe)

    checks: Mapping[str, Check] = {service: check(url) for service, url in settings.given("internal_url").items()}
    base = f"{coffer.public_url}/docs"
    storage = [*settings.storage_origins, *([coffer.s3_public_url] if coffer.s3_public_url else [])]
    site = Site(web_folder(), storage)
    own, readiness = own_app(checks, [*docs_routes(), *document_routes()], problem_base=base, site=lambda: site)
    forwarded = ForwardedFor(coffer.trusted_proxies)
    proxy = Proxy(own, settings.given("url"), forwarded=forwarded, problem_base=base)
    stopping, ended = asyncio.Event(), asyncio.Event()
    stop_on_signals(stopping)
    internal, public = listen(settings.internal_host, settings.internal_port), listen(coffer.host, coffer.port)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(internal_app(readiness), internal, ended, lifespan=False))
        answering = tasks.create_task(serve(proxy, public, stopping))
        freeze_start_up()
        await stopping.wait()
        readiness.drain()
        await answering
        ended.set()
