"""TCP ports of this machine: finding a free one, and saying clearly that one is taken."""

import errno
import socket

from coffer_local.home import StartError


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now; another program may take it before it is used, so be ready to ask again."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(host: str, port: int, *, port_setting: str = "COFFER_PORT", host_setting: str = "COFFER_HOST") -> None:
    """Raise StartError, naming the setting to change, unless this process may listen on the port."""
    try:
        with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
            # Without it a port whose last connections are still in TIME_WAIT would look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except socket.gaierror as error:
        raise StartError(f"{host} is not a known address: set {host_setting} to an address of this machine.") from error
    except OverflowError as error:
        raise StartError(f"{port} is not a port: set {port_setting} to a number from 1 to 65535.") from error
    except OSError as error:
        raise StartError(_refusal(host, port, error, port_setting, host_setting)) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _refusal(host: str, port: int, error: OSError, port_setting: str, host_setting: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is taken by another program; set {port_setting} to a free one."
        case errno.EACCES | errno.EPERM:
            return f"Port {port} needs more rights than this account has; set {port_setting} to one above 1023."
        case _:
            return f"{host} is not an address of this machine; set {host_setting} to one that is."
