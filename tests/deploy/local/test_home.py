"""The data folder, its secrets and the ports: no process is started here."""

import os
import socket
import stat
from pathlib import Path

import pytest

from coffer_local.credentials import Credentials
from coffer_local.home import Home, StartError, write_private
from coffer_local.ports import check_port, free_port


def test_the_folder_comes_from_the_setting_and_is_private(tmp_path: Path) -> None:
    with Home.open(environ={"COFFER_HOME": str(tmp_path / "deep" / "coffer")}) as home:
        assert home.path == tmp_path / "deep" / "coffer"
        for folder in (home.cloud, home.run):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        others = 0o711 if os.geteuid() == 0 else 0o700
        assert stat.S_IMODE(home.path.stat().st_mode) == others


def test_without_a_setting_the_folder_stands_where_coffer_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Home.open(environ={}) as home:
        assert home.path == tmp_path / ".coffer"


def test_two_stacks_cannot_use_one_folder(tmp_path: Path) -> None:
    with Home.open(tmp_path), pytest.raises(StartError, match=r"^Another Coffer is running on .*COFFER_HOME"):
        Home.open(tmp_path)
    Home.open(tmp_path).close()


def test_a_lock_is_given_up_once_however_often_it_is_closed(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    home.close()
    home.close()
    Home.open(tmp_path).close()


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"file.* is in the way of the data folder .*COFFER_HOME"):
        Home.open(tmp_path / "file" / "home")
    with pytest.raises(StartError, match=r"COFFER_HOME"):
        Home.open(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StartError, match=r"permission denied.*writable folder"):
        Home.open(tmp_path / "home")


def test_a_folder_that_nobody_can_make_is_named() -> None:
    with pytest.raises(StartError, match=r"^The data folder /proc/coffer cannot be used .*writable folder\.$"):
        Home.open(Path("/proc/coffer"))


def test_only_a_stop_in_order_counts_as_clean(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        assert not home.was_clean()
        assert not home.mark_running()
        home.mark_clean()
    with Home.open(tmp_path) as home:
        assert home.was_clean()
        assert home.mark_running()
    with Home.open(tmp_path) as home:
        assert not home.was_clean()
        assert not home.mark_running()


def test_a_crash_while_marking_leaves_the_stop_unclean(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        (home.path / "clean.new").write_text("half")
        assert not home.was_clean()
        home.mark_clean()
        assert home.was_clean()


def test_a_replaced_file_is_private_and_whole(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o644)
    write_private(target, b"new")
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_secrets_are_made_once_and_found_again(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        first = Credentials.open(home, ["auth", "media-worker"], named=["sealing"])
        second = Credentials.open(home, ["auth", "media-worker"], named=["sealing"])
        assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o600
        assert first.admin_header not in home.secrets.read_text()
    assert (first.superuser_password, first.passwords, first.admin, first.keys, first.named) == (
        second.superuser_password,
        second.passwords,
        second.admin,
        second.keys,
        second.named,
    )
    assert first.admin_header != second.admin_header
    assert set(first.keys) == set(first.passwords) == {"auth", "media-worker"}
    assert len({first.superuser_password, *first.passwords.values(), *(key.secret for key in first.keys.values())}) == 5


def test_a_new_service_gets_secrets_and_the_others_keep_theirs(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        first = Credentials.open(home, ["auth"])
        second = Credentials.open(home, ["auth", "sharing"])
    assert second.keys["auth"] == first.keys["auth"]
    assert second.passwords["sharing"] not in first.passwords.values()


def test_secrets_do_not_show_when_printed(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        found = Credentials.open(home, ["auth"])
    shown = repr(found)
    for secret in (found.superuser_password, found.passwords["auth"], found.admin.secret, found.admin_header):
        assert secret not in shown


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"database:auth": 1}', b'{"database:auth": ""}', b"\xff\xfe"])
def test_damaged_secrets_stop_the_start_and_stay_as_they_are(tmp_path: Path, content: bytes) -> None:
    with Home.open(tmp_path) as home:
        home.secrets.write_bytes(content)
        with pytest.raises(StartError, match=r"secrets\.json is damaged: restore it"):
            Credentials.open(home, ["auth"])
        assert home.secrets.read_bytes() == content


def test_a_taken_port_is_refused_with_the_setting_to_change() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        expected = rf"^Port {port} is taken by another program; set COFFER_PORT to a free one\.$"
        with pytest.raises(StartError, match=expected):
            check_port("127.0.0.1", port)


def test_a_free_port_is_accepted() -> None:
    check_port("127.0.0.1", free_port())


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("192.0.2.1", 8080, "not an address of this machine"),
        ("no such host", 8080, "not a known address"),
        ("127.0.0.1", 70000, "number from 1 to 65535"),
    ],
)
def test_an_impossible_address_is_named(host: str, port: int, reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        check_port(host, port)
