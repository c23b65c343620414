"""Pictures of more brightness than a screen is sure to have (HDR), as sRGB shows them. Runs in a child, never in the worker.

By ITU-R BT.2100: what is as bright as paper stays so, what is brighter than that is pressed into the little that is left.
"""

import functools
import math

from PIL import Image

PQ, HLG = 16, 18
"""How the numbers stand for light, as ISO/IEC 23091-2 numbers it (transfer characteristics)."""
BT2020 = 9
"""As above, which colours they are shares of (colour primaries)."""

PAPER = 203.0
"""Brightness of white paper in candela per square metre (ITU-R BT.2408)."""
BRIGHTEST = 1000.0
"""Of the screen that HLG is meant for."""
KNEE = 0.7
"""Of the brightness of paper, from which on things are pressed together."""

_TO_BT709 = (1.6605, -0.5876, -0.0728, 0.0, -0.1246, 1.1329, -0.0083, 0.0, -0.0182, -0.1006, 1.1187, 0.0)
"""From the colours of BT.2020 to those of sRGB (ITU-R BT.2087). Meant for light; of numbers of light it comes near."""


def tamed(picture: Image.Image, transfer: int, primaries: int) -> Image.Image:
    """The picture in sRGB; the same one if it is of no such kind."""
    if transfer not in {PQ, HLG}:
        return picture
    shown = picture.point(_table(transfer) * 3)
    return shown.convert("RGB", _TO_BT709) if primaries == BT2020 else shown


@functools.cache
def _table(transfer: int) -> list[int]:
    light = _from_pq if transfer == PQ else _from_hlg
    return [round(255 * _srgb(_pressed(light(code / 255) / PAPER))) for code in range(256)]


def _from_pq(code: float) -> float:
    """Candela per square metre (BT.2100 table 4)."""
    power = code ** (1 / 78.84375)
    return float(10_000 * (max(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125))


def _from_hlg(code: float) -> float:
    """As above, on a screen of `BRIGHTEST` (BT.2100 table 5); of each colour alone."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    scene = code * code / 3 if code <= 0.5 else (math.exp((code - c) / a) + b) / 12
    return float(BRIGHTEST * scene**1.2)


def _pressed(light: float) -> float:
    left = 1 - KNEE
    return light if light <= KNEE else KNEE + left * (1 - math.exp((KNEE - light) / left))


def _srgb(light: float) -> float:
    """IEC 61966-2-1."""
    return 12.92 * light if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)
