"""Signatures as Standard Webhooks 1.0 has them."""

import pytest

from coffer_notifier.domain.signatures import secret_key, secret_text, signature_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')


def test_signs_the_example_of_the_standard_as_its_libraries_do() -> None:
    assert signature_of([secret_key(SECRET)], *MESSAGE) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign() -> None:
    other = b"x" * 32
    both = signature_of([other, secret_key(SECRET)], *MESSAGE).split(" ")
    assert both == [signature_of([other], *MESSAGE), signature_of([secret_key(SECRET)], *MESSAGE)]


@pytest.mark.parametrize("part", range(3))
def test_every_part_counts(part: int) -> None:
    other = [("other", 1, b"other")[n] if n == part else MESSAGE[n] for n in range(3)]
    assert signature_of([b"k" * 32], *other) != signature_of([b"k" * 32], *MESSAGE)  # type: ignore[arg-type]  # mixed on purpose


def test_a_secret_is_written_with_its_prefix_and_read_again() -> None:
    text = secret_text(bytes(range(32)))
    assert text.startswith("whsec_")
    assert secret_key(text) == bytes(range(32))
