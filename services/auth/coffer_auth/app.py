"""Puts auth together; the only place where its parts are made."""

from contextlib import AsyncExitStack
from datetime import timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from litestar import Litestar

from coffer_auth.cookies import RefreshCookies
from coffer_auth.domain.sessions import ACCESS_LIFE
from coffer_auth.handlers import access_tokens, ended
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import ERRANDS, clerk
from coffer_auth.handlers.reactions import USES
from coffer_auth.handlers.receiving import MEDIA, STORAGE
from coffer_auth.handlers.snapshots import PEOPLE
from coffer_auth.handlers.sweeping import photo_jobs, sweep_photos
from coffer_auth.issuers import Issuers
from coffer_auth.routes import ROUTES
from coffer_auth.settings import AuthSettings
from coffer_auth.store.tables import CHASSIS, signing_keys
from coffer_auth.totp import TotpSecrets
from coffer_chassis.access_rules import TokenVerifier
from coffer_chassis.admin.operations import Operations
from coffer_chassis.blobs import Blobs
from coffer_chassis.cursors import Cursors
from coffer_chassis.handling import types_of
from coffer_chassis.hashing import Hashing
from coffer_chassis.http import build_app
from coffer_chassis.identity import Revocations, Verifier
from coffer_chassis.runtime import open_runtime
from coffer_chassis.sealing import SealingKey
from coffer_chassis.service import Loop, Service
from coffer_chassis.settings import CofferSettings
from coffer_chassis.sightings import Sightings
from coffer_chassis.signing.ring import KeyRing
from coffer_chassis.signing.verifying import own_verifier
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.auth import OperatorActedV1

NAME = "auth"
SOURCE = "/auth"
STORAGE_QUEUE = "auth-storage"
MEDIA_QUEUE = "auth-media"
USES_QUEUE = "auth-uses"
PRODUCERS = {
    "files-events": "files",
    "media-worker-events": "media",
    "notifier-events": "notifier",
    "sharing-events": "sharing",
}
"""Who tells of tokens that were used: topic -> how the types begin."""
TOPOLOGY = ServiceTopology(
    service=NAME,
    lanes=(
        Lane(STORAGE_QUEUE, storage_prefixes=("photos/incoming/",)),
        Lane(MEDIA_QUEUE, reads={"media-worker-events": types_of(MEDIA, "media")}),
        Lane(USES_QUEUE, reads={topic: types_of(USES, types) for topic, types in PRODUCERS.items()}),
    ),
    blobs=(
        BlobAccess("photos/incoming/", read=True, write=True, delete=True),
        BlobAccess("photos/", read=True, delete=True),
    ),
    sends_privately=True,
)
TABLES = {STORAGE_QUEUE: STORAGE, MEDIA_QUEUE: MEDIA, USES_QUEUE: USES}
LINGER_SECONDS = 5.0
"""Nobody waits to see when a token was used."""
DEPENDENCIES = ("deps", "refresh_cookies", "cursors", "operations")
"""What the routes are given by name."""


async def build(coffer: CofferSettings, settings: AuthSettings) -> Service:
    """Open everything auth needs. The caller runs the service and closes it."""
    resources = AsyncExitStack()
    runtime = await open_runtime(resources, coffer, settings, service=NAME, receivers=len(TOPOLOGY.lanes))
    work = runtime.work(CHASSIS, source=SOURCE)
    deps = build_deps(settings, work, runtime.blobs)
    resources.callback(deps.hashing.close)
    operations = Operations(TOPOLOGY, work, runtime.bus, OperatorActedV1, runtime.limiter)
    errands = clerk(deps)
    service = Service(
        topology=TOPOLOGY,
        work=work,
        bus=runtime.bus,
        deps=deps,
        app=build_http(coffer, deps, Cursors(bytes.fromhex(settings.cursor_key.get_secret_value())), operations),
        tables=TABLES,
        lingers={USES_QUEUE: LINGER_SECONDS},
        recover=lambda: sweep_photos(deps, grace=timedelta()),
        jobs=(*jobs(deps), *photo_jobs(deps)),
        loops=(Loop("clerk", errands.run),),
        watches=(*ended.watches(deps), *access_tokens.watches(deps)),
        snapshots=(PEOPLE,),
        operations=operations,
        resources=resources,
        wait_seconds=settings.poll_wait_seconds,
        linger_seconds=settings.linger_seconds,
    )
    service.wakeups.on(ERRANDS, errands.poke)
    return service


def build_deps(settings: AuthSettings, work: Work, blobs: Blobs) -> Deps:
    """The handlers' collaborators on a store and a bucket."""
    secret = bytes.fromhex(settings.key_secret.get_secret_value())
    return Deps(
        work=work,
        hashing=Hashing.of(settings),
        keys=KeyRing(work, signing_keys, secret, ACCESS_LIFE),
        totp=TotpSecrets(secret),
        issuers=Issuers(settings.oidc_issuers, work.clock),
        revocations=Revocations(work.clock),
        sightings=Sightings(work.clock),
        blobs=blobs,
        issuer=settings.issuer,
        mail_key=SealingKey.of_hex(settings.mail_public_key),
        fingerprint_key=HKDF(SHA256(), 32, None, b"coffer-auth request fingerprints 1").derive(secret),
        require_verified_email=settings.require_verified_email,
    )


def build_verifier(coffer: CofferSettings, deps: Deps) -> Verifier:
    """Verifies tokens as every service does, but knows its own keys and revocations at first hand."""
    return own_verifier(
        coffer,
        deps.issuer,
        ("access", "pat"),
        deps.keys,
        deps.work.clock,
        revocations=deps.revocations,
        sightings=deps.sightings,
    )


def build_http(coffer: CofferSettings, deps: Deps, cursors: Cursors, operations: Operations) -> Litestar:
    """Auth's public routes. At start the first signing key is made, so the store must be migrated by then."""
    return http_app(coffer, deps, build_verifier(coffer, deps), cursors, operations)


def http_app(coffer: CofferSettings, deps: Deps, verifier: TokenVerifier, cursors: Cursors, operations: Operations) -> Litestar:
    """The same, believing the tokens that `verifier` believes."""

    async def prepare() -> None:
        await deps.keys.current()
        await ended.refresh_ended(deps)
        await access_tokens.refresh_revoked(deps)
        await deps.hashing.warm_up()

    return build_app(
        service=NAME,
        route_handlers=ROUTES,
        verifier=verifier,
        limiter=operations.limiter,
        dependencies={
            "deps": deps,
            "refresh_cookies": RefreshCookies.at(coffer.public_url),
            "cursors": cursors,
            "operations": operations,
        },
        on_startup=[prepare],
        problem_base=f"{coffer.public_url}/docs",
    )
