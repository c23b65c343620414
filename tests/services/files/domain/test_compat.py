"""What names tell to the CloudDrive API."""

import pytest

from coffer_files.domain.compat import shown_type, with_extension


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("beach.JPG", "image", "jpg"),
        ("a.tar.GZ", "archive", "gz"),
        ("README", "text", "text"),
        ("README", None, "other"),
        (".profile", "text", "text"),
        ("odd.", "other", "other"),
    ],
)
def test_a_file_has_a_type_whatever_it_is_called(name: str, kind: None, shown: str) -> None:
    assert shown_type(name, kind) == shown


@pytest.mark.parametrize(
    ("wanted", "current", "called"),
    [
        ("b", "a.jpg", "b.jpg"),
        ("b.png", "a.jpg", "b.png"),
        ("b", "a", "b"),
        ("b", "a.tar.gz", "b.tar.gz"),
        ("", "a.jpg", ""),
        ("..", "a.jpg", ".."),
        (".b", ".a", ".b"),
    ],
)
def test_an_extension_is_kept_unless_another_is_given(wanted: str, current: str, called: str) -> None:
    assert with_extension(wanted, current) == called
