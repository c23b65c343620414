"""Small pictures made right: in colours that can be averaged, in sRGB, upright. Runs in a child, never in the worker."""

import io

from PIL import Image, ImageCms


def averageable(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose pixels may be averaged; the same one where it is so already."""
    if picture.mode.startswith("I"):
        # 16 bits of grey: a plain conversion would cut everything above 255 to white.
        return picture.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if picture.mode in {"RGB", "L", "CMYK", "RGBA", "LA"} and "transparency" not in picture.info:
        return picture
    if picture.mode in {"1", "F"}:
        return picture.convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def srgb(small: Image.Image, profile: bytes | None) -> Image.Image:
    """The small picture in sRGB; a profile that is damaged, or of another colour space, is passed over."""
    flat: dict[str, str] = {"L": "RGB", "CMYK": "RGB", "LA": "RGBA"}
    goal = flat.get(small.mode, small.mode)
    if profile and b"sRGB" not in profile[:4096] and small.mode in _SPACES:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space == _SPACES[small.mode]:
                target = ImageCms.createProfile("sRGB")
                turned = ImageCms.profileToProfile(small, source, target, outputMode=goal)
                return turned if turned is not None else small.convert(goal)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            return small.convert(goal)
    return small.convert(goal) if small.mode != goal else small


_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(small: Image.Image, orientation: int) -> Image.Image:
    """The picture as its EXIF orientation means it."""
    return small.transpose(_TURNS[orientation]) if orientation in _TURNS else small
