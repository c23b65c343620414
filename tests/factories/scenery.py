"""A drive that looks lived in: folders, photographs of hills that nobody has seen, papers."""

import io
import random

from PIL import Image, ImageDraw, ImageFilter

from factories.pdfs import pages
from factories.people import Person

SKIES = [("#f6d6a8", "#7fa7c9"), ("#fbe3d6", "#c98f9f"), ("#dfeaf2", "#6f9cb8"), ("#f3e8c8", "#d99a6c"), ("#e6ecf5", "#8a86b8")]
HILLS = ["#2f5d50", "#4a7a63", "#6d8f6f", "#3c4f6b", "#7d6a58"]


def landscape(seed: int, size: tuple[int, int] = (1600, 1200)) -> bytes:
    """A JPEG of hills under a sky."""
    chance = random.Random(seed)
    low, high = SKIES[seed % len(SKIES)]
    width, height = size
    sky = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, low), Image.new("RGB", size, high), sky)
    draw = ImageDraw.Draw(picture)
    sun = (chance.randrange(width // 5, width * 4 // 5), chance.randrange(height // 6, height // 3))
    draw.ellipse((sun[0] - 70, sun[1] - 70, sun[0] + 70, sun[1] + 70), fill="#fff6e0")
    for layer in range(3):
        at = height * (0.5 + 0.16 * layer)
        points = [(0, height)]
        for step in range(9):
            at += chance.uniform(-70, 70)
            points.append((step * width // 8, int(at)))
        draw.polygon([*points, (width, height)], fill=HILLS[(seed + layer) % len(HILLS)])
    out = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(2)).save(out, "JPEG", quality=82)
    return out.getvalue()


def furnish(person: Person) -> dict[str, str]:
    """Fill the root folder; ids by name. Returns when everything was checked and has its preview."""
    made = {name: str(person.folder(name)["id"]) for name in ("Holiday", "House", "Receipts", "Work")}
    sent: list[tuple[str, bytes, str]] = [
        *(
            (name, landscape(number), "root")
            for number, name in enumerate(("Evening.jpg", "Lake.jpg", "Morning.jpg", "Ridge.jpg"))
        ),
        *((name, landscape(number + 7), made["Holiday"]) for number, name in enumerate(("Hut.jpg", "Pass.jpg", "Tarn.jpg"))),
        ("Notes.md", b"# Notes\n\nCall the hut before Friday.\nThe ferry leaves at half past nine.\n", "root"),
        ("Packing list.txt", b"Tent\nStove\nMap of the ridge\nGood boots\n", "root"),
        ("Walks around the lake.pdf", pages("Along the shore", "Over the ridge", "To the tarn"), "root"),
    ]
    for name, content, parent in sent:
        made[name] = person.upload(name, content, parent=parent)["item_id"]
    for name, *_ in sent:
        person.previewed(made[name])
    return made
