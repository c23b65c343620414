"""`python -m coffer_chassis.probe URL`: 0 if the address answers with 200. For health checks of containers.

Standard library only, and little of it: it starts anew every few seconds.
"""

import http.client
import sys
from urllib.parse import urlsplit

SECONDS = 4.0
_SHOWN = 2000


def main(arguments: list[str] | None = None) -> int:
    """Ask once; what was answered goes to standard output, where the container's runtime keeps it."""
    (url,) = sys.argv[1:] if arguments is None else arguments
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=SECONDS)
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        sys.stdout.write(answer.read(_SHOWN).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"{error!r}\n")
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
