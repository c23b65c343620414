"""A HEIC picture, which nothing here can encode: made once from the marked test card, 64x48, and turned by its boxes."""

import base64

from factories import images

_UPRIGHT = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERA"
    "AAEAAQAAAAABoQABAAAAAAAAAL8AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAA"
    "AHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq"
    "5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAA"
    "MAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAMdtZGF0AAAAuygBrxOAealZo4oC/+NU"
    "f8xnhp/FtshlJEBTh0M7Vc6hbD6Il6t79yzxInVrymcvuf+yW6NKC5t4ZFmTr9VzA8OCTFGFPzFsrOyB3NdQA95fnle5wtG7kmKoYc4tgaSSN99mSdU9"
    "Gz7ert/O7IsG+/LP2psAER7IG/Kc8vcxCJZo4+MwJOZYxf/ueQsX58nWvdsGkwkzYsPa23GU0icaSi/jvdmDxAGOAtTzTSb38y7/rEx5NgCW06QSI2A="
)
UPRIGHT = base64.b64decode(_UPRIGHT)
"""Red triangle top left, blue bar bottom left, on grey (ISO/IEC 23008-12)."""

_GROWN = 10
"""Bytes that a property of nine and its association by one add."""


def _longer(content: bytes, name: bytes, by: int) -> bytes:
    at = content.index(name) - 4
    return content[:at] + (int.from_bytes(content[at : at + 4]) + by).to_bytes(4) + content[at + 4 :]


def turned(quarters: int) -> bytes:
    """The same pixels to be shown turned so many quarters against the clock (`irot`, ISO/IEC 23008-12 6.5.10)."""
    content = UPRIGHT
    for name, by in ((b"meta", _GROWN), (b"iprp", _GROWN), (b"ipco", 9), (b"ipma", 1)):
        content = _longer(content, name, by)
    at = content.index(b"ipma") - 4
    content = content[:at] + b"\0\0\0\x09irot" + bytes([quarters]) + content[at:]
    # One item with five properties: now six, the last one essential as transformations are.
    at = content.index(b"ipma") + 4 + 4 + 4 + 2
    content = content[:at] + bytes([content[at] + 1]) + content[at + 1 :]
    at += 1 + 5
    content = content[:at] + bytes([0x80 | 6]) + content[at:]
    at = content.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2
    return content[:at] + (int.from_bytes(content[at : at + 4]) + _GROWN).to_bytes(4) + content[at + 4 :]


def bomb(side: int = 30_000) -> bytes:
    """A few hundred bytes whose header promises 900 megapixels."""
    at = UPRIGHT.index(b"ispe") + 8
    return UPRIGHT[:at] + side.to_bytes(4) * 2 + UPRIGHT[at + 8 :] + images.noise(64)
