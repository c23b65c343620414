"""Signed S3 addresses by SigV4 query signature, without a client: several times faster than the SDK's presigner.

Source: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" in the S3 API reference. Tested
against botocore for every shape used here.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Credentials at one moment; `token` is set for temporary ones."""

    access_key_id: str
    secret_access_key: str
    token: str | None = None


@lru_cache(maxsize=16)
def _day_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs addresses of one bucket under the address by which clients reach it."""

    base_url: str
    """Scheme and host that clients use; for path style with the bucket as path, e.g. `http://localhost:9000/coffer`."""
    region: str

    def sign(
        self,
        method: str,
        key: str,
        credentials: SigningKey,
        *,
        now: datetime,
        expires_seconds: int,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """A signed address for one request. Every header given here must be sent exactly so (names in lower case).

        Raises ValueError when `expires_seconds` is not 1 to 7 days.
        """
        if not 0 < expires_seconds <= MAX_EXPIRES_SECONDS:
            raise ValueError(f"a signed address lives 1 s to 7 days, not {expires_seconds} s")
        base = urlsplit(self.base_url)
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": base.netloc, **(headers or {})}
        names = ";".join(sorted(signed))
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(expires_seconds),
            "X-Amz-SignedHeaders": names,
        }
        if credentials.token:
            parameters["X-Amz-Security-Token"] = credentials.token
        path = quote(f"{base.path}/{key}", safe="/~")
        arguments = "&".join(f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}" for name in sorted(parameters))
        header_lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
        request = f"{method}\n{path}\n{arguments}\n{header_lines}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key_of_day = _day_key(credentials.secret_access_key, stamp[:8], self.region)
        signature = hmac.digest(key_of_day, text.encode(), "sha256").hex()
        return f"{base.scheme}://{base.netloc}{path}?{arguments}&X-Amz-Signature={signature}"

    def sign_form(
        self,
        key: str,
        credentials: SigningKey,
        *,
        now: datetime,
        expires_seconds: int,
        bucket: str,
        length: int,
        more: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The fields of a form that stores exactly `length` bytes under `key`, with `more` headers as fields ("Browser-Based
        Uploads Using POST (AWS Signature Version 4)" in the S3 API reference).

        Raises ValueError when `expires_seconds` is not 1 to 7 days.
        """
        if not 0 < expires_seconds <= MAX_EXPIRES_SECONDS:
            raise ValueError(f"a signed form lives 1 s to 7 days, not {expires_seconds} s")
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        fields = {
            "key": key,
            **(more or {}),
            "x-amz-algorithm": _ALGORITHM,
            "x-amz-credential": f"{credentials.access_key_id}/{stamp[:8]}/{self.region}/s3/aws4_request",
            "x-amz-date": stamp,
        }
        if credentials.token:
            fields["x-amz-security-token"] = credentials.token
        conditions = [{"bucket": bucket}, *({name: value} for name, value in fields.items())]
        policy = {
            "expiration": (now + timedelta(seconds=expires_seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "conditions": [*conditions, ["content-length-range", length, length]],
        }
        encoded = base64.b64encode(json.dumps(policy).encode()).decode()
        key_of_day = _day_key(credentials.secret_access_key, stamp[:8], self.region)
        return {**fields, "policy": encoded, "x-amz-signature": hmac.digest(key_of_day, encoded.encode(), "sha256").hex()}
