"""How long a signed address works: as long as was asked for, up to a quarter of an hour longer for caches, and never more."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coffer_auth.handlers.photos import SHOWN_SECONDS
from coffer_chassis.blobs_aws import GET_ROUNDING, S3Blobs
from coffer_chassis.cloudfront import ROUNDING, CloudFront
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.testing import FixedClock
from coffer_files.settings import FilesSettings
from factories.addresses import end_of

PAGE = Path(__file__).parents[2] / "docs" / "revocation.md"
KEY = "blobs/01a15df5-00a0-77b9-830d-40bd57deeac1/01a1f873-c8a0-78b2-8cc4-f28176bbeed4"
PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
MOMENTS = st.integers(1_767_225_600, 2_082_758_400).map(lambda second: datetime.fromtimestamp(second, UTC))


def bucket(clock: FixedClock) -> S3Blobs:
    signer = Presigner("https://s3.example/coffer", "eu-central-1")
    return S3Blobs(None, bucket="coffer", presigner=signer, clock=clock, credentials=lambda: SigningKey("id", "secret"))


def distribution(clock: FixedClock) -> CloudFront:
    return CloudFront("https://d111111abcdef8.cloudfront.net", "K2JCJMDEHXQW5F", PEM, clock)


@pytest.mark.slow
@pytest.mark.parametrize("signing", [bucket, distribution])
@given(moment=MOMENTS, seconds=st.integers(1, 900), fresh=st.booleans())
def test_an_address_ends_when_it_should_and_at_most_a_quarter_of_an_hour_later(
    signing: Callable[[FixedClock], Any], moment: datetime, seconds: int, fresh: bool
) -> None:
    clock = FixedClock(moment)
    url = signing(clock).presign_get(KEY, content_type="image/webp", disposition="inline", expires_seconds=seconds, fresh=fresh)
    wanted = moment + timedelta(seconds=seconds)
    longest = timedelta(0) if fresh else timedelta(minutes=15)
    assert wanted - timedelta(seconds=1) < end_of(url) <= wanted + longest


def test_the_page_names_the_minutes_that_the_settings_allow() -> None:
    usual, longest = (seconds // 60 for seconds in (_get_url_seconds(), 900))
    with pytest.raises(ValidationError):
        _settings(get_url_seconds=901)
    assert GET_ROUNDING == ROUNDING == timedelta(minutes=15)
    assert _get_url_seconds() >= SHOWN_SECONDS
    said = re.search(r"They live at most (\d+) minutes .*?, and (\d+)\s+at most", PAGE.read_text(), re.DOTALL)
    assert said is not None
    assert (int(said[1]), int(said[2])) == (usual + 15, longest + 15)


def _settings(**changes: Any) -> FilesSettings:
    return FilesSettings(
        database_url="postgresql+asyncpg://u@localhost/d",
        cursor_key="00" * 32,
        **changes,
    )


def _get_url_seconds() -> int:
    return _settings().get_url_seconds
