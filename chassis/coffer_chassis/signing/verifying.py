"""How a service believes the tokens that it signs itself: by its store, not over the network."""

import json

from coffer_chassis.clock import Clock
from coffer_chassis.identity import Revocations, Verifier
from coffer_chassis.keysets import fetch_key_set
from coffer_chassis.settings import CofferSettings
from coffer_chassis.sightings import Sightings
from coffer_chassis.signing.ring import KeyRing
from coffer_chassis.trusted import TokenKind, TrustedIssuer

OWN_KEYS = "coffer:own-keys"
"""Stands for the address of the service's own key set."""


def own_verifier(
    coffer: CofferSettings,
    issuer: str,
    kinds: tuple[TokenKind, ...],
    keys: KeyRing,
    clock: Clock,
    *,
    revocations: Revocations,
    sightings: Sightings | None = None,
) -> Verifier:
    """Verifies tokens as every service does, but knows its own keys at first hand, whatever the settings say of its issuer."""
    own = TrustedIssuer(issuer=issuer, jwks_url=OWN_KEYS, kinds=kinds)
    others = tuple(one for one in coffer.trusted_issuers if one.issuer != issuer)

    async def fetch(url: str) -> bytes:
        if url == OWN_KEYS:
            return json.dumps(await keys.published()).encode()
        return await fetch_key_set(url)

    return Verifier((own, *others), coffer.home / "key-sets", clock, revocations=revocations, sightings=sightings, fetch=fetch)
