"""The frozen sample messages in contracts/golden, and messages made from them.

Files are named `<type>.json`, `<type>.minimal.json` (required fields only) or `<type>.<word>.json` (whatever else must
stay readable). The list is what lies on disk, not what the catalog knows.
"""

import json
import re
from pathlib import Path
from typing import Any

from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "contracts" / "golden"
_FILE = re.compile(r"(?P<type>[a-z]+(\.[a-z_]+){2}\.v[1-9][0-9]*)(\.(?P<word>[a-z_]+))?\.json")

GOLDEN: tuple[Path, ...] = tuple(sorted(FOLDER.iterdir()))


def wire_type(path: Path) -> str:
    """The event type a golden file is a message of. Raises ValueError for a file that is named otherwise."""
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no golden file")
    return match["type"]


def raw_message(name: str) -> dict[str, Any]:
    """The message in `<name>.json`, fresh each time, free to be changed."""
    message: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return message


def message(name: str) -> Envelope[Event]:
    """The same message, read."""
    return parse((FOLDER / f"{name}.json").read_bytes())
