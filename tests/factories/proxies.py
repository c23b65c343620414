"""Other people's proxies, as processes of their own, configured with the snippets of docs/forward-auth.md."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factories.ports import free_port

PAGE = Path(__file__).resolve().parents[2] / "docs/forward-auth.md"
START_SECONDS = 60

NGINX = """\
daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}; proxy_temp_path {home};
    fastcgi_temp_path {home}; uwsgi_temp_path {home}; scgi_temp_path {home};
    server {{
        listen 127.0.0.1:{port};
        {snippet}
    }}
}}
"""
CADDY = """\
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    {snippet}
}}
"""


def snippet(name: str, *, auth: str, application: str) -> str:
    """A snippet of the page, leading to these two addresses."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, f"{PAGE} has no snippet for {name}"
    return found[1].replace("http://auth:8000", auth).replace("http://application:3000", application)


def program(name: str) -> str | None:
    """Where the proxy is installed, if it is."""
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@contextmanager
def nginx(home: Path, *, auth: str, application: str) -> Iterator[str]:
    """A running nginx; its address."""
    port = free_port()
    config = home / "nginx.conf"
    config.write_text(NGINX.format(home=home, port=port, snippet=snippet("nginx", auth=auth, application=application)))
    with _running([str(program("nginx")), "-p", str(home), "-c", str(config)], home, port) as address:
        yield address


@contextmanager
def caddy(home: Path, *, auth: str, application: str) -> Iterator[str]:
    """A running Caddy; its address."""
    port = free_port()
    config = home / "Caddyfile"
    config.write_text(CADDY.format(port=port, snippet=snippet("caddy", auth=auth, application=application)))
    command = [str(program("caddy")), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(command, home, port) as address:
        yield address


@contextmanager
def _running(command: list[str], home: Path, port: int) -> Iterator[str]:
    log = home / "log"
    with log.open("wb") as told:
        environment = {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home), "PATH": "/usr/bin"}
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
