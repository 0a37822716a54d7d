"""Products: eight kinds from a shop's pages, forty of each, with a short text for every one."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw

from engine.collections.samples import product_shapes
from engine.collections.samples.drawing import Colour, Pen, finished, jitter, lit, shade, two_tone
from engine.collections.samples.product_looks import Look, choose, described
from engine.collections.samples.sample import DrawnImage, Sample

KINDS: dict[str, Callable[[Pen, np.random.Generator, Look], None]] = {
    "T-shirt": product_shapes.t_shirt,
    "cap": product_shapes.cap,
    "dress": product_shapes.dress,
    "handbag": product_shapes.handbag,
    "mug": product_shapes.mug,
    "sneaker": product_shapes.sneaker,
    "trousers": product_shapes.trousers,
    "watch": product_shapes.watch,
}
EACH = 40
SEED = 27_182
LIGHT_MAP = 96
WALLS: list[Colour] = [
    (240, 240, 238),
    (246, 238, 228),
    (226, 234, 240),
    (238, 226, 226),
    (226, 236, 224),
    (234, 228, 242),
    (214, 208, 198),
    (196, 206, 212),
    (250, 232, 200),
    (176, 186, 178),
]


def product(kind: str, number: int) -> DrawnImage:
    """Draw one product with its text; both depend on the kind and the number alone."""
    rng = np.random.default_rng([SEED, list(KINDS).index(kind), number])
    look = choose(rng, kind)
    wall = jitter(rng, WALLS[rng.integers(len(WALLS))], 5)
    canvas = two_tone(shade(wall, 0.3), shade(wall, -0.1), rng.uniform(1.0, 2.1))
    centre = (0.5 + rng.normal(0, 0.015), 0.5 + rng.normal(0, 0.015))
    scale = rng.uniform(0.74, 0.88)
    mirror = float(rng.choice([-1.0, 1.0]))
    pen = Pen(canvas, centre=centre, scale=scale, turn=float(rng.normal(0, 0.05)), stretch=(mirror, 1.0))
    KINDS[kind](pen, rng, look)
    picture = lit(finished(canvas), _shadow(scale))
    slug = kind.lower().replace(" ", "-")
    return DrawnImage(f"{slug}-{number:03d}.png", kind, described(rng, kind, look), picture)


def _shadow(scale: float) -> Image.Image:
    """A light map with a soft shadow under the product."""
    lights = Image.new("L", (LIGHT_MAP, LIGHT_MAP), 130)
    half, low = 0.42 * scale * LIGHT_MAP, 0.93 * LIGHT_MAP
    ImageDraw.Draw(lights).ellipse([LIGHT_MAP / 2 - half, low - 4, LIGHT_MAP / 2 + half, low + 4], fill=70)
    return lights


def draw() -> Iterator[DrawnImage]:
    """The 320 products, kind by kind."""
    for kind in KINDS:
        for number in range(EACH):
            yield product(kind, number)


SAMPLE = Sample(
    "products", "Products", "320 drawn products of eight kinds, 40 each, with a short text for every one.", 320, draw
)
