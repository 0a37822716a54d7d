"""What a product is made of, and the words for it: colour, pattern, material, cut."""

from dataclasses import dataclass

import numpy as np

from engine.collections.samples.drawing import Colour, Pen, Points, mix, shade

COLOURS: dict[str, Colour] = {
    "white": (244, 243, 238), "black": (40, 40, 44), "charcoal": (84, 88, 94), "navy": (34, 50, 96),
    "sky blue": (140, 190, 226), "teal": (28, 124, 128), "olive": (112, 118, 62), "forest green": (36, 92, 62),
    "mustard": (222, 170, 44), "terracotta": (198, 98, 66), "red": (204, 44, 48), "burgundy": (116, 30, 50),
    "blush pink": (238, 184, 184), "lilac": (184, 162, 214), "sand": (218, 196, 160), "chocolate": (96, 62, 46),
}


@dataclass(frozen=True)
class Look:
    """One product's attributes; `accent` is the second colour of its pattern or trim."""

    colour: str
    accent: str
    pattern: str
    material: str
    cut: str

    @property
    def main(self) -> Colour:
        """The main colour as RGB."""
        return COLOURS[self.colour]

    @property
    def second(self) -> Colour:
        """The accent as RGB."""
        return COLOURS[self.accent]


@dataclass(frozen=True)
class Range:
    """What a kind of product comes in: patterns, materials, cuts and an occasion to wear or use it."""

    noun: str
    patterns: tuple[str, ...]
    materials: tuple[str, ...]
    cuts: tuple[str, ...]
    uses: tuple[str, ...]
    plural: bool = False


RANGES: dict[str, Range] = {
    "T-shirt": Range(
        "T-shirt", ("plain", "striped", "dotted", "star print", "heart print"),
        ("cotton", "organic cotton", "jersey", "linen blend"), ("crew-neck", "V-neck"),
        ("for every day", "for warm days", "for the weekend", "to wear under a jacket")),
    "trousers": Range(
        "trousers", ("plain", "pinstriped", "checked"), ("cotton twill", "denim", "wool blend", "corduroy"),
        ("straight-leg", "wide-leg", "slim", "cropped"),
        ("for the office", "for long walks", "for every day", "for cool evenings"), plural=True),
    "dress": Range(
        "dress", ("plain", "dotted", "floral", "striped"), ("viscose", "cotton", "linen", "satin"),
        ("sleeveless", "short-sleeved", "knee-length", "long"),
        ("for summer parties", "for the city", "for garden days", "for a wedding")),
    "sneaker": Range(
        "sneakers", ("plain", "side-striped", "two-tone"), ("canvas", "suede", "leather", "mesh"),
        ("low-top", "high-top"), ("for the street", "for running errands", "for the gym", "for travel"), plural=True),
    "handbag": Range(
        "handbag", ("plain", "quilted", "striped", "checked"), ("leather", "vegan leather", "canvas", "suede"),
        ("tote", "top-handle", "shoulder"),
        ("with room for a book", "with brass fittings", "for small things", "for an evening out")),
    "watch": Range(
        "watch", ("plain", "ringed", "numbered"), ("leather strap", "steel bracelet", "rubber strap", "woven strap"),
        ("round", "square"),
        ("water-resistant to 50 m", "with sapphire glass", "with a red second hand", "for every day")),
    "cap": Range(
        "cap", ("plain", "two-tone", "striped", "star print"), ("cotton", "corduroy", "wool", "washed denim"),
        ("curved-brim", "flat-brim"),
        ("for sunny days", "for the stands", "with an adjustable strap", "for the trail")),
    "mug": Range(
        "mug", ("plain", "striped", "dotted", "dipped", "heart print"),
        ("stoneware", "porcelain", "enamel", "earthenware"), ("tall", "wide"),
        ("for coffee", "for tea", "for slow mornings", "safe in the dishwasher")),
}

WITH = {"striped": "with stripes", "dotted": "with dots", "star print": "with a star",
        "heart print": "with a heart", "pinstriped": "with a fine pinstripe", "checked": "with checks",
        "floral": "with small flowers", "side-striped": "with a side stripe", "two-tone": "in two tones",
        "quilted": "with quilting", "ringed": "with a coloured ring", "numbered": "with twelve markers",
        "dipped": "with a dipped glaze"}


def choose(rng: np.random.Generator, kind: str) -> Look:
    """A random look from the range of one kind; the accent stands out from the main colour."""
    goods = RANGES[kind]
    names = list(COLOURS)
    colour = names[rng.integers(len(names))]
    distance = {name: abs(np.subtract(COLOURS[name], COLOURS[colour])).sum() for name in names}
    far = [name for name in names if distance[name] > 190]
    pattern, material, cut = (part[rng.integers(len(part))] for part in (goods.patterns, goods.materials, goods.cuts))
    return Look(colour, far[rng.integers(len(far))], pattern, material, cut)


def described(rng: np.random.Generator, kind: str, look: Look) -> str:
    """One short English line about the product, in one of several wordings."""
    goods = RANGES[kind]
    use = goods.uses[rng.integers(len(goods.uses))]
    wordings = _plain_lines if look.pattern == "plain" else _patterned_lines
    lines = wordings(kind, goods, look, use)
    line = lines[rng.integers(len(lines))]
    return line[0].upper() + line[1:]


def _made_of(kind: str, look: Look) -> tuple[str, str]:
    """The material before the noun and after it; a watch is named by its strap, which only comes after."""
    return ("", f"on a {look.material}") if kind == "watch" else (f"{look.material} ", f"in {look.material}")


def _plain_lines(kind: str, goods: Range, look: Look, use: str) -> list[str]:
    """Wordings for a product in one colour."""
    before, after = _made_of(kind, look)
    pair = "a pair of " if goods.plural else ""
    return [
        f"{look.colour} {before}{goods.noun} {use}",
        f"{look.cut} {goods.noun} {after}, {look.colour}, {use}",
        f"{before}{goods.noun} in plain {look.colour}, {look.cut}",
        f"{pair}{look.colour} {look.cut} {goods.noun}, {use}",
        f"plain {look.colour} {goods.noun} {after}, {look.cut}, {use}",
    ]


def _patterned_lines(kind: str, goods: Range, look: Look, use: str) -> list[str]:
    """Wordings for a product with a pattern or a second colour."""
    before, after = _made_of(kind, look)
    pair = "a pair of " if goods.plural else ""
    accent = f"{WITH[look.pattern]} in {look.accent}".replace("in two tones in", "in two tones, the second")
    return [
        f"{look.colour} {look.pattern} {before}{goods.noun}",
        f"{look.cut} {goods.noun} {after}, {look.colour} {accent}",
        f"{before}{goods.noun} in {look.colour} {accent}",
        f"{pair}{look.colour} {look.cut} {goods.noun} {accent}, {use}",
        f"{look.pattern} {look.cut} {goods.noun} {after}, {look.colour} and {look.accent}",
    ]


def patterned(pen: Pen, rng: np.random.Generator, outline: Points, look: Look) -> None:
    """Fill the outline with the main colour and lay the pattern over it."""
    pen.polygon(outline, look.main)
    if look.pattern in FILLS:
        (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
        with pen.inside(outline):
            FILLS[look.pattern](pen, rng, (float(left), float(top), float(right), float(bottom)), look)


Box = tuple[float, float, float, float]


def _stripes(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    step = rng.choice([0.05, 0.075, 0.1])
    for y in np.arange(box[1] + step / 2, box[3], step):
        pen.stroke([(box[0], y), ((box[0] + box[2]) / 2, y + 0.008), (box[2], y)], step * 0.45, look.second)


def _pinstripes(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    for x in np.arange(box[0], box[2], 0.032):
        pen.stroke([(x, box[1]), (x, box[3])], 0.005, (*look.second, 190))


def _checks(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    step = rng.choice([0.06, 0.09])
    for x in np.arange(box[0], box[2], step):
        pen.stroke([(x, box[1]), (x, box[3])], step * 0.42, (*look.second, 110))
    for y in np.arange(box[1], box[3], step):
        pen.stroke([(box[0], y), (box[2], y)], step * 0.42, (*look.second, 110))


def _dots(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    step = rng.choice([0.05, 0.07, 0.09])
    for row, y in enumerate(np.arange(box[1], box[3], step)):
        for x in np.arange(box[0], box[2], step) + step / 2 * (row % 2):
            pen.ellipse(x, y, step * 0.24, step * 0.24, look.second)


def _flowers(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    places = rng.uniform(box[:2], box[2:], (110, 2))
    for x, y in places:
        turn, size = rng.uniform(0, 6), rng.uniform(0.012, 0.02)
        for angle in turn + np.arange(5) * 2 * np.pi / 5:
            pen.ellipse(x + size * np.cos(angle), y + size * np.sin(angle), size * 0.7, size * 0.7, look.second)
        pen.ellipse(x, y, size * 0.6, size * 0.6, mix(look.second, (255, 216, 90), 0.8))
        pen.ellipse(x + 0.035, y + 0.02, 0.014, 0.006, (88, 140, 84), turn=turn)


def _quilt(pen: Pen, rng: np.random.Generator, box: Box, look: Look) -> None:
    for shift in np.arange(-1.2, 1.2, 0.085):
        for lean in (-1, 1):
            line = np.array([(lean * -0.6 + shift, -0.6), (lean * 0.6 + shift, 0.6)])
            pen.stroke(line, 0.006, shade(look.main, -0.35))
            pen.stroke(line + np.array([0.006, 0]), 0.004, shade(look.main, 0.25))


FILLS = {"striped": _stripes, "pinstriped": _pinstripes, "checked": _checks, "dotted": _dots, "floral": _flowers,
         "quilted": _quilt}


def emblem(pen: Pen, look: Look, x: float, y: float, size: float) -> None:
    """The star or the heart of a print, where the look has one."""
    if look.pattern == "star print":
        angles = -np.pi / 2 + np.arange(10) * np.pi / 5
        radius = np.where(np.arange(10) % 2, 0.42, 1.0) * size
        pen.polygon(np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1), look.second)
    if look.pattern == "heart print":
        heart = np.array([(0, -0.45), (0.5, -0.85), (1, -0.45), (0.75, 0.2), (0, 0.9), (-0.75, 0.2), (-1, -0.45),
                          (-0.5, -0.85)])
        pen.blob(heart * size + [x, y], look.second)
