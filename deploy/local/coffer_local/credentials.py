"""The secrets of one data folder: made once, kept in `secrets.json`, read by nobody but their owner.

What services make for themselves (signing keys, sessions) is theirs and is not here.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from coffer_local.home import Home, StartError, write_private

_KEY_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class AccessKey:
    """One key pair for the local cloud; the id is public (it stands in every signed URL), the secret is not."""

    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """Everything secret that a start needs."""

    superuser_password: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    """Database password by service."""
    admin: AccessKey
    """May do everything in the local cloud: for provisioning only."""
    keys: Mapping[str, AccessKey]
    """Local cloud key by service."""
    named: Mapping[str, str] = field(repr=False)
    """Other secrets by name, 64 hex digits each."""
    admin_header: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    """Opens the local cloud's own admin paths; new at each start and never stored."""

    @classmethod
    def open(cls, home: Home, services: Iterable[str], *, named: Iterable[str] = ()) -> Self:
        """Read the secrets of this folder and make those that are missing; a stored secret never changes.

        Raises StartError when `secrets.json` is unreadable or damaged.
        """
        kept = _read(home)
        wanted: dict[str, str] = {"database:superuser": "", "cloud-id:admin": "", "cloud-secret:admin": ""}
        wanted |= {f"{kind}:{service}": "" for service in services for kind in ("database", "cloud-id", "cloud-secret")}
        wanted |= {f"named:{name}": "" for name in named}
        stored = {name: _make(name) for name in wanted} | kept
        if stored != kept:
            write_private(home.secrets, json.dumps(stored, indent=2, sort_keys=True).encode() + b"\n")
        else:
            home.secrets.chmod(0o600)
        pairs = {name: AccessKey(stored[f"cloud-id:{name}"], secret) for name, secret in _of(stored, "cloud-secret").items()}
        passwords = dict(_of(stored, "database"))
        superuser_password = passwords.pop("superuser")
        return cls(
            superuser_password=superuser_password,
            passwords=MappingProxyType(passwords),
            admin=pairs.pop("admin"),
            keys=MappingProxyType(pairs),
            named=_of(stored, "named"),
        )


def _read(home: Home) -> dict[str, str]:
    try:
        stored = json.loads(home.secrets.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        message = f"{home.secrets} cannot be read ({error.strerror}): start Coffer as the user who owns it."
        raise StartError(message) from error
    except ValueError as error:
        raise StartError(_damaged(home)) from error
    if not isinstance(stored, dict) or not all(isinstance(value, str) and value for value in stored.values()):
        raise StartError(_damaged(home))
    return stored


def _damaged(home: Home) -> str:
    return f"{home.secrets} is damaged: restore it from a backup, or delete it to have new secrets made."


def _make(name: str) -> str:
    kind = name.partition(":")[0]
    if kind == "cloud-id":
        return "AKIA" + "".join(secrets.choice(_KEY_ID_LETTERS) for _ in range(16))
    return secrets.token_hex(20 if kind == "cloud-secret" else 32)


def _of(stored: Mapping[str, str], kind: str) -> Mapping[str, str]:
    found = {name.partition(":")[2]: value for name, value in stored.items() if name.partition(":")[0] == kind}
    return MappingProxyType(found)
