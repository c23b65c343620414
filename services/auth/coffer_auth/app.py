"""Puts auth together; the only place where its parts are made."""

import json
from contextlib import AsyncExitStack

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from litestar import Litestar

from coffer_auth.handlers import access_tokens, ended
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.keys import KeyRing
from coffer_auth.handlers.snapshots import PEOPLE
from coffer_auth.issuers import Issuers
from coffer_auth.passwords import Hashing
from coffer_auth.routes import ROUTES
from coffer_auth.settings import AuthSettings
from coffer_auth.store.tables import CHASSIS
from coffer_auth.totp import TotpSecrets
from coffer_chassis.admin.operations import Operations
from coffer_chassis.cursors import Cursors
from coffer_chassis.http import build_app
from coffer_chassis.identity import Revocations, Verifier
from coffer_chassis.keysets import fetch_key_set
from coffer_chassis.runtime import open_runtime
from coffer_chassis.sealing import SealingKey
from coffer_chassis.service import Service
from coffer_chassis.settings import CofferSettings, TrustedIssuer
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts.auth import OperatorActedV1

NAME = "auth"
SOURCE = "/auth"
TOPOLOGY = ServiceTopology(service=NAME, lanes=(), sends_privately=True)
DEPENDENCIES = ("deps", "cursors", "operations")
"""What the routes are given by name."""
OWN_KEYS = "coffer-auth:own-keys"
"""Stands for the address of auth's own key set, which auth reads from its store instead of over the network."""


async def build(coffer: CofferSettings, settings: AuthSettings) -> Service:
    """Open everything auth needs. The caller runs the service and closes it."""
    resources = AsyncExitStack()
    runtime = await open_runtime(resources, coffer, settings, service=NAME, receivers=len(TOPOLOGY.lanes))
    work = runtime.work(CHASSIS, source=SOURCE)
    deps = build_deps(settings, work)
    resources.callback(deps.hashing.close)
    operations = Operations(TOPOLOGY, work, runtime.bus, OperatorActedV1, runtime.limiter)
    return Service(
        topology=TOPOLOGY,
        work=work,
        bus=runtime.bus,
        deps=deps,
        app=build_http(coffer, deps, Cursors(bytes.fromhex(settings.cursor_key.get_secret_value())), operations),
        jobs=jobs(deps),
        watches=(*ended.watches(deps), *access_tokens.watches(deps)),
        snapshots=(PEOPLE,),
        operations=operations,
        resources=resources,
        wait_seconds=settings.poll_wait_seconds,
        linger_seconds=settings.linger_seconds,
    )


def build_deps(settings: AuthSettings, work: Work) -> Deps:
    """The handlers' collaborators on a store."""
    secret = bytes.fromhex(settings.key_secret.get_secret_value())
    return Deps(
        work=work,
        hashing=Hashing(
            memory_kib=settings.password_memory_kib,
            passes=settings.password_passes,
            threads=settings.password_threads,
            queue=settings.password_queue,
        ),
        keys=KeyRing(work, secret),
        totp=TotpSecrets(secret),
        issuers=Issuers(settings.oidc_issuers, work.clock),
        revocations=Revocations(work.clock),
        issuer=settings.issuer,
        mail_key=SealingKey.of_hex(settings.mail_public_key),
        fingerprint_key=HKDF(SHA256(), 32, None, b"coffer-auth request fingerprints 1").derive(secret),
    )


def build_verifier(coffer: CofferSettings, deps: Deps) -> Verifier:
    """Verifies tokens as every service does, but knows its own keys and revocations at first hand."""
    own = TrustedIssuer(issuer=deps.issuer, jwks_url=OWN_KEYS, kinds=("access", "pat"))
    others = tuple(issuer for issuer in coffer.trusted_issuers if issuer.issuer != deps.issuer)

    async def fetch(url: str) -> bytes:
        if url == OWN_KEYS:
            return json.dumps(await deps.keys.published()).encode()
        return await fetch_key_set(url)

    return Verifier((own, *others), coffer.home / "key-sets", deps.work.clock, revocations=deps.revocations, fetch=fetch)


def build_http(coffer: CofferSettings, deps: Deps, cursors: Cursors, operations: Operations) -> Litestar:
    """Auth's public routes. At start the first signing key is made, so the store must be migrated by then."""

    async def prepare() -> None:
        await deps.keys.current()
        await ended.refresh_ended(deps)
        await access_tokens.refresh_revoked(deps)
        await deps.hashing.warm_up()

    return build_app(
        service=NAME,
        route_handlers=ROUTES,
        verifier=build_verifier(coffer, deps),
        limiter=operations.limiter,
        dependencies={
            "deps": deps,
            "cursors": cursors,
            "operations": operations,
        },
        on_startup=[prepare],
        problem_base=f"{coffer.public_url}/docs",
    )
