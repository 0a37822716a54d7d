"""A folder of photographs with altered copies whose origin is known, to measure how duplicates are found.

    python -m benchmarks.altered_photographs FOLDER [--seed 0]

Of 200 photographs of $BENZER_TEST_DATA/animals some get one copy: 24 of half size, 9 turned, 8 cropped, 8 brighter, 5
mirrored, 5 grey. Ten screenshots of one program with ten different texts are duplicates of nothing. `origin_of` reads
from a file's name which photograph it shows.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from engine.core.home import PROJECT
from engine.evidence.alterations import brightened, greyed

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
PHOTOGRAPHS, SCREENSHOTS = 200, 10
TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
CROPPED = (0.5, 0.9)  # share of the area that a crop keeps, from the tightest to the widest
_WORDS = (  # of the screenshots
    *("amber", "basil", "candle", "dune", "ember", "falcon", "garden", "harbour", "island", "juniper", "kettle"),
    *("lantern", "meadow", "needle", "orchard", "pebble", "quarry", "river", "saddle", "timber", "umbrella"),
    *("valley", "willow", "yonder", "zephyr", "anchor", "bridge", "copper", "drizzle", "engine"),
)

Alteration = Callable[[Image.Image, int, random.Random], Image.Image]  # the picture, its number among its kind, chance


def _half(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    return picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)), Image.Resampling.LANCZOS)


def _turned(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    return picture.transpose(TURNS[number % len(TURNS)])


def _cropped(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    low, high = CROPPED
    side = (low + (high - low) * number / 7) ** 0.5
    width, height = round(side * picture.width), round(side * picture.height)
    left, top = chance.randint(0, picture.width - width), chance.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def _brighter(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    return brightened(picture, 1.2 + 0.05 * number)


def _mirrored(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    return ImageOps.mirror(picture)


def _grey(picture: Image.Image, number: int, chance: random.Random) -> Image.Image:
    return greyed(picture, 100)


ALTERATIONS: dict[str, tuple[int, Alteration]] = {
    "half": (24, _half),
    "turned": (9, _turned),
    "cropped": (8, _cropped),
    "brighter": (8, _brighter),
    "mirrored": (5, _mirrored),
    "grey": (5, _grey),
}


def draw(folder: Path, seed: int = 0) -> None:
    """Write the photographs, the copies (`012--half.jpg` of `012.jpg`) and the screenshots (`screen-3.png`)."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    every = sorted(path for path in (DATA / "animals").rglob("*.jpg") if _is_large(path))
    chosen = chance.sample(every, PHOTOGRAPHS)
    copied = iter(chance.sample(range(PHOTOGRAPHS), sum(count for count, _ in ALTERATIONS.values())))
    for number, path in enumerate(chosen):
        (folder / f"{number:03d}.jpg").write_bytes(path.read_bytes())
    for kind, (count, alter) in ALTERATIONS.items():
        for place in range(count):
            number = next(copied)
            picture = Image.open(chosen[number]).convert("RGB")
            alter(picture, place, chance).save(folder / f"{number:03d}--{kind}.jpg", quality=88)
    for number in range(SCREENSHOTS):
        _screenshot(random.Random(f"{seed}-{number}")).save(folder / f"screen-{number}.png")


def _is_large(path: Path) -> bool:
    with Image.open(path) as picture:
        return min(picture.size) >= 128


def _screenshot(chance: random.Random) -> Image.Image:
    """A window with a title bar, a list at the side and paragraphs of drawn words."""
    picture = Image.new("RGB", (1280, 800), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=18)
    pen.rectangle((0, 0, 1280, 44), fill="#2b579a")
    pen.text((20, 12), "Notes", fill="white", font=font)
    pen.rectangle((0, 44, 240, 800), fill="#f0f2f5")
    for line in range(14):
        pen.text((20, 70 + 48 * line), " ".join(chance.choices(_WORDS, k=2)), fill="#444444", font=font)
    for line in range(24):
        pen.text((280, 70 + 29 * line), " ".join(chance.choices(_WORDS, k=11)), fill="#111111", font=font)
    return picture


def origin_of(name: str) -> str:
    """What a file shows: the number of its photograph, or the file itself for a screenshot."""
    return name.rsplit("/", 1)[-1].split(".")[0].split("--")[0]


def kind_of(name: str) -> str:
    """How a file was altered: a key of ALTERATIONS, "" for a photograph or a screenshot."""
    return name.rsplit(".", 1)[0].partition("--")[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw(arguments.folder, arguments.seed)
    print(f"{len(list(arguments.folder.iterdir()))} files in {arguments.folder}")


if __name__ == "__main__":
    main()
