"""Whose tokens are believed. Apart from `settings`, so that a verifier can be had without reading any."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TokenKind = Literal["access", "pat", "link", "ticket"]


class TrustedIssuer(BaseModel):
    """Somebody whose tokens are believed, and for which kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="The `iss` claim, compared to the letter.")
    jwks_url: str = Field(description="Where its key set is published.")
    kinds: tuple[TokenKind, ...] = Field(description="Which token kinds it may sign.")
