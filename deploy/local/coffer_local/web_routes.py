"""The web app over HTTP: its page at `/` and below `/app` and `/s`, its files below `/app/assets`.

The page is revalidated each time and its files never: their address changes with them.
"""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from coffer_chassis.access_rules import public
from coffer_chassis.limits.policies import unlimited
from coffer_contracts.problems import NotFound
from coffer_local.web_site import BESIDE_POLICY, Site, WebFile
from coffer_local.welcome import information

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"

Current = Callable[[], Site]
Asking = Request[Any, Any, Any]


def web_routes(site: Current) -> list[HTTPRouteHandler]:
    """The routes of the web app and of `/`, from whatever the site is when somebody asks."""
    of = _remembered(site)

    @get(
        "/",
        opt=public() | unlimited(),
        media_type=MediaType.JSON,
        operation_id="get_information",
        tags=["gateway"],
        summary="What answers here",
        description="JSON for programs, the web app for browsers (by the Accept header).",
    )
    async def get_information(request: Asking) -> Response[Any]:
        if "text/html" in request.headers.get("accept", ""):
            return _page(request, site())
        return Response(information(), headers={"Vary": "Accept"})

    @get(["/app", "/app/{place:path}", "/s/{token:str}"], opt=public() | unlimited(), include_in_schema=False)
    async def get_app(request: Asking) -> Response[bytes]:
        return _page(request, site())

    @get("/app/assets/{digest:str}/{name:path}", opt=public() | unlimited(), include_in_schema=False)
    async def get_asset(
        request: Asking,
        digest: Annotated[str, PathParameter(max_length=64)],
        name: Annotated[str, PathParameter(max_length=200)],
    ) -> Response[bytes]:
        named = of(digest)
        file = named.files.get(str(name).lstrip("/")) if digest == named.digest else None
        if file is None:
            raise NotFound("There is no such file of the web app, or no longer: load the page again.")
        return _sent(request, file, {"Cache-Control": IMMUTABLE})

    @get("/app/manifest.webmanifest", opt=public() | unlimited(), include_in_schema=False)
    async def get_manifest(request: Asking) -> Response[bytes]:
        return _sent(request, site().manifest, {"Cache-Control": REVALIDATED})

    @get("/app/service-worker.js", opt=public() | unlimited(), include_in_schema=False)
    async def get_service_worker(request: Asking) -> Response[bytes]:
        # It stands between all pages and the network, those at `/` and `/s` as well.
        headers = {"Cache-Control": REVALIDATED, "Content-Security-Policy": BESIDE_POLICY, "Service-Worker-Allowed": "/"}
        return _sent(request, site().beside, headers)

    return [get_information, get_app, get_asset, get_manifest, get_service_worker]


def _remembered(site: Current) -> Callable[[str], Site]:
    """By its digest, the site whose files were sent last; the current one for any other digest. A page asks for a hundred files
    of one state: looking whether there is a newer one took longer than sending them.
    """
    last: Site | None = None

    def of(digest: str) -> Site:
        nonlocal last
        if last is None or last.digest != digest:
            last = site()
        return last

    return of


def _page(request: Asking, site: Site) -> Response[bytes]:
    headers = {
        "Cache-Control": REVALIDATED,
        "Content-Security-Policy": site.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "ETag": site.etag,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    shown = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if site.etag in shown or "*" in shown:
        return Response(b"", status_code=304, headers=headers | {"Vary": "Accept, Accept-Encoding"})
    return _sent(request, site.page, headers, vary="Accept, Accept-Encoding")


def _sent(request: Asking, file: WebFile, headers: dict[str, str], *, vary: str = "Accept-Encoding") -> Response[bytes]:
    packed = file.packable and "gzip" in request.headers.get("accept-encoding", "")
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    content = file.packed if packed else file.content
    return Response(content, media_type=file.media_type, headers=headers | encoding | {"Vary": vary})
