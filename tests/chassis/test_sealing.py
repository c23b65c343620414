"""Sealing: what opens a seal, and everything that must not."""

import base64
import hmac
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from coffer_chassis.sealing import (
    LONGEST,
    CannotOpen,
    OpeningKey,
    PrivateKeySetting,
    PublicKeySetting,
    SealingKey,
    open_sealed,
    seal,
)

KEY, OTHER = OpeningKey.of_hex("11" * 32), OpeningKey.of_hex("22" * 32)
SECRET, CONTEXT = b"a token of 43 letters or so", b'["auth.mail.requested.v1","mail","user"]'


def test_what_was_sealed_opens_again_and_is_different_every_time() -> None:
    first, second = (seal(KEY.sealing, SECRET, CONTEXT) for _ in range(2))
    assert first != second
    assert open_sealed([KEY], first, CONTEXT) == open_sealed([KEY], second, CONTEXT) == SECRET


def test_a_seal_shows_nothing_of_what_is_in_it() -> None:
    sealed = seal(KEY.sealing, SECRET, CONTEXT)
    raw = base64.urlsafe_b64decode(sealed.partition(".")[2] + "==")
    assert SECRET[:6] not in raw
    assert CONTEXT[:6] not in raw
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("context", [b"", CONTEXT + b" ", CONTEXT[:-1], b'["auth.mail.requested.v1","mail","victim"]'])
def test_another_context_does_not_open_it(context: bytes) -> None:
    with pytest.raises(CannotOpen, match="in this context"):
        open_sealed([KEY], seal(KEY.sealing, SECRET, CONTEXT), context)


def test_another_key_does_not_open_it_and_is_not_even_tried() -> None:
    with pytest.raises(CannotOpen, match="not known here"):
        open_sealed([OTHER], seal(KEY.sealing, SECRET, CONTEXT), CONTEXT)


def test_a_key_that_only_claims_to_be_the_right_one_does_not_open_it() -> None:
    _, _, body = seal(KEY.sealing, SECRET, CONTEXT).partition(".")
    with pytest.raises(CannotOpen, match="does not open"):
        open_sealed([KEY, OTHER], f"{OTHER.sealing.id}.{body}", CONTEXT)


def test_the_key_before_opens_what_is_still_on_its_way_and_after_that_nothing_does() -> None:
    on_its_way, new = seal(KEY.sealing, SECRET, CONTEXT), seal(OTHER.sealing, SECRET, CONTEXT)
    assert open_sealed([OTHER, KEY], on_its_way, CONTEXT) == open_sealed([OTHER, KEY], new, CONTEXT) == SECRET
    with pytest.raises(CannotOpen):
        open_sealed([OTHER], on_its_way, CONTEXT)


def test_no_end_of_it_can_be_cut_off_and_no_letter_changed() -> None:
    sealed = seal(KEY.sealing, SECRET, CONTEXT)
    name, _, body = sealed.partition(".")
    broken = [sealed[:cut] for cut in range(len(sealed))]
    broken += [f"{name}.{body[cut:]}" for cut in range(1, len(body))]
    broken += [f"{name}.{body[:at]}{'A' if body[at] != 'A' else 'B'}{body[at + 1 :]}" for at in range(len(body))]
    for text in broken:
        with pytest.raises(CannotOpen):
            open_sealed([KEY], text, CONTEXT)


@given(st.text(max_size=200) | st.text(max_size=80).map(lambda text: f"{KEY.sealing.id}.{text}"))
@settings(database=None, deadline=None, max_examples=200)
def test_any_other_text_is_refused_without_another_error(text: str) -> None:
    with pytest.raises(CannotOpen):
        open_sealed([KEY], text, CONTEXT)


def test_a_very_long_text_is_not_worked_on() -> None:
    with pytest.raises(CannotOpen, match="no sealed text"):
        open_sealed([KEY], f"{KEY.sealing.id}.{'A' * LONGEST}", CONTEXT)


def test_an_error_says_nothing_of_secret_or_context() -> None:
    sealed = seal(KEY.sealing, SECRET, CONTEXT)
    with pytest.raises(CannotOpen) as refusal:
        open_sealed([KEY], sealed, b"other")
    assert sealed.partition(".")[2][:8] not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "11" * 31, "11" * 33, "zz" * 32, "not hexadecimal"])
def test_what_is_no_key_is_no_setting_either(text: str) -> None:
    for make in (OpeningKey.of_hex, SealingKey.of_hex):
        with pytest.raises(ValueError, match="32 bytes in hexadecimal"):
            make(text)
    for kind, value in ((PublicKeySetting, text), (PrivateKeySetting, SecretStr(text))):
        with pytest.raises(ValidationError, match="32 bytes in hexadecimal"):
            TypeAdapter(kind).validate_python(value)


def test_settings_carry_both_halves() -> None:
    assert SealingKey.of_hex(KEY.sealing.hex).id == KEY.sealing.id != OTHER.sealing.id
    assert TypeAdapter(PublicKeySetting).validate_python(KEY.sealing.hex) == KEY.sealing.hex


def test_a_seal_is_what_rfc_9180_says() -> None:
    """Opened by the steps of the RFC alone: sections 4.1, 5.1 and 5.2 for mode_base, KEM 0x0020, KDF 0x0001, AEAD 0x0002."""
    raw = base64.urlsafe_b64decode(seal(KEY.sealing, SECRET, CONTEXT).partition(".")[2] + "==")
    encapsulated, ciphertext = raw[:32], raw[32:]
    public = KEY.sealing.public.public_bytes_raw()
    shared = KEY.private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem = b"KEM\x00\x20"
    secret = expand(extract(b"", kem, b"eae_prk", shared), kem, b"shared_secret", encapsulated + public, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x02"
    info = b"coffer sealed 1\x00" + CONTEXT
    schedule = b"\x00" + extract(b"", suite, b"psk_id_hash", b"") + extract(b"", suite, b"info_hash", info)
    root = extract(secret, suite, b"secret", b"")
    key, nonce = expand(root, suite, b"key", schedule, 32), expand(root, suite, b"base_nonce", schedule, 12)
    assert AESGCM(key).decrypt(nonce, ciphertext, b"") == SECRET


def extract(salt: bytes, suite: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, sha256)


def expand(key: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    # One round of HKDF is enough for up to 32 bytes (RFC 5869 section 2.3).
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labelled + b"\x01", sha256)[:length]
