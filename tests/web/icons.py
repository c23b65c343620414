"""The mark of the app as PNG, for the home screens of telephones: `python tests/web/icons.py` writes what `web/icons` holds.

The same geometry as `web/icons/coffer.svg`, drawn large and made small.
"""

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).parents[2] / "web" / "icons"
GREEN, WHITE = "#1d6b58", "#ffffff"
GRID = 32
"""Units of the drawing, as in the SVG."""
FINER = 4
SAFE = 0.75
"""A launcher may cut a maskable icon to a circle of 80 % of it."""
SIZES: dict[str, tuple[int, bool]] = {
    "coffer-180.png": (180, True),
    "coffer-192.png": (192, False),
    "coffer-512.png": (512, False),
    "coffer-maskable-512.png": (512, True),
}
"""Pixels, and whether the ground reaches the edge."""


def draw(pixels: int, *, whole: bool) -> Image.Image:
    """One icon."""
    side = pixels * FINER
    image = Image.new("RGBA", (side, side), GREEN if whole else (0, 0, 0, 0))
    brush = ImageDraw.Draw(image)
    unit = side / GRID
    if not whole:
        brush.rounded_rectangle((0, 0, side - 1, side - 1), radius=8 * unit, fill=GREEN)
    scale = SAFE if whole else 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        middle = GRID / 2
        return ((middle + (x - middle) * scale) * unit, (middle + (y - middle) * scale) * unit)

    round_px = 1.3 * scale * unit
    brush.polygon([at(8, 13.5), at(16, 9), at(24, 13.5), at(24, 21.7), at(8, 21.7)], fill=WHITE)
    brush.rounded_rectangle((*at(8, 18), *at(24, 23)), radius=round_px, fill=WHITE)
    brush.rounded_rectangle((*at(12.5, 16), *at(19.5, 18)), radius=scale * unit, fill=GREEN)
    return image.resize((pixels, pixels), Image.Resampling.LANCZOS)


def main() -> None:
    """Write all of them."""
    for name, (pixels, whole) in SIZES.items():
        draw(pixels, whole=whole).save(ICONS / name, optimize=True)


if __name__ == "__main__":
    main()
