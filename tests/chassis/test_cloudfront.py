"""Addresses of a CloudFront distribution, verified as CloudFront does: with the public key, over the canned policy."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from coffer_chassis.cloudfront import CloudFront
from coffer_chassis.object_keys import KeyRefused
from coffer_chassis.testing import NOON, FixedClock

BASE = "https://d111111abcdef8.cloudfront.net"
KEY = "blobs/01a15df5-00a0-77b9-830d-40bd57deeac1/01a1f873-c8a0-78b2-8cc4-f28176bbeed4"
DISPOSITION = "attachment; filename=\"a b_.jpg\"; filename*=UTF-8''a%20b%C3%A9.jpg"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any, encryption: Any = None) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return text.decode()


def verified(url: str, key: Any) -> dict[str, str]:
    """What CloudFront does with it: take the signing parameters off, build the policy, verify. Raises InvalidSignature."""
    resource, _, signing = url.partition("&Expires=")
    given = {name: values[0] for name, values in parse_qs(f"Expires={signing}", strict_parsing=True).items()}
    assert given.keys() == {"Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
    condition = {"DateLessThan": {"AWS:EpochTime": int(given["Expires"])}}
    policy = json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":")).encode()
    signature = base64.b64decode(given["Signature"].translate(str.maketrans("-_~", "+=/")))
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, policy, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.public_key().verify(signature, policy, ec.ECDSA(hashes.SHA256()))
    return given


def signed(key: Any, clock: FixedClock, *, fresh: bool = True, **changes: Any) -> str:
    asked: dict[str, Any] = {"content_type": "text/plain; charset=utf-8", "disposition": DISPOSITION, "expires_seconds": 60}
    return CloudFront(BASE + "/", "K2JCJMDEHXQW5F", pem(key), clock).presign_get(KEY, fresh=fresh, **{**asked, **changes})


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ecdsa"])
def test_an_address_verifies_with_the_public_key_and_no_other_does(key: Any) -> None:
    url = signed(key, FixedClock())
    given = verified(url, key)
    assert (given["Key-Pair-Id"], given["Hash-Algorithm"]) == ("K2JCJMDEHXQW5F", "SHA256")
    assert int(given["Expires"]) == int(NOON.timestamp()) + 60
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.path) == ("https", "d111111abcdef8.cloudfront.net", f"/{KEY}")
    query = parse_qs(split.query)
    assert query["response-content-disposition"] == [DISPOSITION]
    assert query["response-content-type"] == ["text/plain; charset=utf-8"]
    for bent in (
        url.replace("attachment", "inline"),
        url.replace(given["Expires"], "4102444800"),
        url.replace("f28176", "f28177"),
    ):
        assert bent != url
        with pytest.raises(InvalidSignature):
            verified(bent, key)
    with pytest.raises(InvalidSignature):
        verified(
            url, (type(key) is rsa.RSAPrivateKey and rsa.generate_private_key(65537, 2048)) or ec.generate_private_key(EC.curve)
        )


def test_the_policy_is_the_one_that_the_sdk_builds() -> None:
    url = signed(RSA, FixedClock())
    resource, given = url.partition("&Expires=")[0], verified(url, RSA)
    asked: list[bytes] = []

    def sign(message: bytes) -> bytes:
        asked.append(message)
        return RSA.sign(message, padding.PKCS1v15(), hashes.SHA256())

    moment = NOON.replace(minute=1)
    sdk = CloudFrontSigner("K2JCJMDEHXQW5F", sign).generate_presigned_url(resource, date_less_than=moment)
    assert f"{sdk}&Hash-Algorithm=SHA256" == url
    assert given["Expires"].encode() in asked[0]


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ecdsa"])
def test_the_same_address_for_a_while_so_that_caches_find_it(key: Any) -> None:
    clock = FixedClock()
    first = signed(key, clock, fresh=False)
    clock.advance(minutes=10)
    assert signed(key, clock, fresh=False) == first
    clock.advance(minutes=5)
    assert signed(key, clock, fresh=False) != first
    assert int(verified(first, key)["Expires"]) - int(NOON.timestamp()) in range(60, 60 + 900)


def test_a_key_that_coffer_never_uses_is_not_signed_for() -> None:
    cdn = CloudFront(BASE, "K", pem(EC), FixedClock())
    for strange in ("Blobs/x", "blobs/../x", ""):
        with pytest.raises(KeyRefused):
            cdn.presign_get(strange, content_type="a/b", disposition="inline", expires_seconds=60)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",
        pem(rsa.generate_private_key(65537, 1024)),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(EC, BestAvailableEncryption(b"secret")),
    ],
    ids=["empty", "nonsense", "rsa-1024", "p-384", "ed25519", "encrypted"],
)
def test_keys_that_cloudfront_does_not_take_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="CloudFront") as refusal:
        CloudFront(BASE, "K", text, FixedClock())
    assert "BEGIN" not in str(refusal.value)
