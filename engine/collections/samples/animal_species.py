"""Six species, each drawn in the pen's own coordinates: the head is about two units wide, its middle at (0, 0)."""

import numpy as np

from engine.collections.samples.animal_parts import (
    DARK,
    PINK,
    Mood,
    accessory,
    body,
    contrast,
    eyes,
    fur,
    head,
    locks,
    mouth,
    nose,
    whiskers,
)
from engine.collections.samples.drawing import Colour, Pen, Points, circle, furry, jitter, mirrored, mix, shade, smooth

WHITE: Colour = (246, 242, 234)
BLACK: Colour = (52, 48, 52)
GREY: Colour = (142, 144, 150)
BROWN: Colour = (122, 84, 58)
GINGER: Colour = (226, 142, 66)
CREAM: Colour = (236, 212, 172)
GOLD: Colour = (214, 168, 98)
RUST: Colour = (206, 98, 46)
BLUE_GREY: Colour = (104, 116, 132)


def _pick(rng: np.random.Generator, colours: list[Colour], spread: float = 10) -> Colour:
    return jitter(rng, colours[rng.integers(len(colours))], spread)


def _lash(coat: Colour) -> Colour:
    """The colour of a closed eye on this coat."""
    return DARK if sum(coat) > 270 else (226, 218, 206)


def _triangle_ears(pen: Pen, rng: np.random.Generator, tip: tuple[float, float], inner_x: float,
                   outer: tuple[float, float], colour: Colour, inside: Colour, tips: Colour | None = None) -> None:
    """Two upright pointed ears with a soft inside; `tips` colours the upper third."""
    for side in (-1, 1):
        bend = rng.normal(0, 0.05)
        flip = np.array([side, 1])
        top = np.array([tip[0] + bend, tip[1]])
        base, edge = np.array([inner_x, -0.6]), np.array(outer)
        middle = (base + edge) / 2
        ear = np.array([base, base * 0.55 + top * 0.45 + [-0.1, 0], top, edge * 0.5 + top * 0.5 + [0.1, 0], edge])
        outline = smooth([*ear, (middle[0], middle[1] + 0.25)], 5) * flip
        pen.polygon(furry(outline, rng, 0.05), shade(colour, -0.12), depth=-0.25)
        if tips is not None:
            cut = [base * 0.45 + top * 0.55 + [-0.1, 0], top, edge * 0.45 + top * 0.55 + [0.12, 0]]
            pen.blob(np.array(cut) * flip, tips, depth=-0.25)
        inner = middle + (ear[:5] - middle) * [0.62, 0.7] + [0, 0.06]
        pen.blob(inner * flip, inside, depth=-0.2)
        starts = np.stack([rng.uniform(inner_x + 0.05, edge[0] - 0.1, 9), np.full(9, -0.5)], axis=1)
        ends = starts * [1, 1] + [0.02, -0.3] + rng.normal(0, 0.05, (9, 2))
        pen.hairs(starts * flip, ends * flip, 0.03, [(*shade(colour, 0.35), 200)] * 9)


def cat(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """A cat: round head, upright ears, slit pupils, long whiskers; plain, tabby, tuxedo, calico or pointed."""
    coat = _pick(rng, [WHITE, BLACK, GREY, GINGER, BROWN, CREAM, BLUE_GREY])
    pattern = str(rng.choice(["plain", "tabby", "tabby", "tuxedo", "calico", "points"]))
    coat = jitter(rng, CREAM if pattern == "points" else coat, 6)
    white = pattern in ("tuxedo", "calico")
    dark = shade(coat, -0.5) if sum(coat) > 240 else shade(coat, 0.3)
    body(pen, rng, coat, WHITE if white else shade(coat, 0.15))
    accessory(pen, rng, 1.0)
    ear = dark if pattern == "points" else coat
    _triangle_ears(pen, rng, (0.78, -1.38), 0.22, (1.0, -0.25), ear, mix(PINK, ear, 0.25))
    outline = mirrored([(0, -0.76), (0.5, -0.74), (0.9, -0.36), (1.06, 0.16), (0.82, 0.6), (0.42, 0.82), (0, 0.88)])
    curve = head(pen, rng, outline, coat)
    _cat_pattern(pen, rng, curve, pattern, coat, dark)
    _cat_face(pen, rng, how, coat, WHITE if white else shade(coat, 0.28))


def _cat_face(pen: Pen, rng: np.random.Generator, how: Mood, coat: Colour, muzzle: Colour) -> None:
    """Muzzle, eyes, mouth, nose and whiskers."""
    for side in (-1, 1):
        pen.ellipse(side * 0.2, 0.46, 0.27, 0.2, muzzle, depth=0.5)
    pen.ellipse(0, 0.64, 0.16, 0.13, muzzle, depth=0.5)
    iris = _pick(rng, [(150, 190, 70), (232, 186, 60), (110, 180, 210), (90, 170, 120)])
    eyes(pen, how, 0.43, 0.02, 0.23, iris, pupil="slit", slant=0.2, lash=_lash(coat))
    mouth(pen, how, 0.52, 0.2)
    nose(pen, 0.34, 0.1, 0.08, _pick(rng, [PINK, (176, 96, 96), DARK], 5))
    whiskers(pen, rng, 0.46, 0.34, rng.uniform(0.75, 0.95), contrast(mix(coat, muzzle, 0.3)))


def _cat_pattern(pen: Pen, rng: np.random.Generator, curve: Points, pattern: str, coat: Colour, dark: Colour) -> None:
    """Markings of a cat's head, kept within the outline."""
    with pen.inside(curve):
        if pattern == "tabby":
            for x in (-0.3, -0.1, 0.1, 0.3):
                pen.stroke([(x * 1.6, -0.95), (x * 1.15, -0.6), (x * 0.8, -0.32)], 0.085, (*dark, 220))
            for side in (-1, 1):
                for y in (0.08, 0.3, 0.52):
                    pen.stroke([(side * 1.2, y - 0.12), (side * 0.92, y), (side * 0.68, y + 0.04)], 0.075, (*dark, 210))
        if pattern in ("tuxedo", "calico"):
            pen.blob([(0, -0.7), (0.12, -0.3), (0.2, 0.1), (0.62, 0.5), (0.4, 1.0), (-0.4, 1.0), (-0.62, 0.5),
                      (-0.2, 0.1), (-0.12, -0.3)], WHITE)
        if pattern == "calico":
            pen.blob(rng.normal([(0.2, -0.9), (0.9, -0.7), (1.0, 0.2), (0.5, 0.24), (0.24, -0.2)], 0.08), GINGER)
            pen.blob(rng.normal([(-1.0, -0.6), (-0.4, -0.9), (-0.3, -0.4), (-0.9, 0)], 0.08), BLACK)
        if pattern == "points":
            for size, alpha in ((0.66, 70), (0.54, 110), (0.42, 150)):
                pen.ellipse(0, 0.32, size, size * 1.1, (*dark, alpha), depth=0.3)


def dog(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """A dog: long muzzle, big nose, hanging or folded ears; plain, blaze, eye patch, spots or tan points."""
    coat = _pick(rng, [WHITE, BLACK, BROWN, GOLD, CREAM, GREY, (150, 74, 44), (92, 62, 48)])
    pattern = str(rng.choice(["plain", "plain", "blaze", "patch", "spots", "points"]))
    coat = WHITE if pattern in ("patch", "spots") else coat
    other = _pick(rng, [BLACK, BROWN, RUST, GREY]) if pattern in ("patch", "spots") else shade(coat, -0.25)
    body(pen, rng, coat, WHITE if pattern == "blaze" else shade(coat, 0.1))
    accessory(pen, rng, 1.12, 0.58)
    outline = mirrored([(0, -0.86), (0.46, -0.82), (0.78, -0.42), (0.86, 0.08), (0.7, 0.52), (0.46, 0.9), (0, 1.04)])
    hanging = rng.uniform() < 0.85
    if not hanging:
        _folded_ears(pen, rng, other)
    curve = head(pen, rng, outline, coat, 0.04)
    _dog_pattern(pen, rng, curve, pattern, coat, other)
    _dog_face(pen, rng, how, coat, pattern)
    if hanging:
        _hanging_ears(pen, rng, other)


def _dog_face(pen: Pen, rng: np.random.Generator, how: Mood, coat: Colour, pattern: str) -> None:
    """Muzzle, eyes, brows, mouth and nose."""
    muzzle = {"blaze": WHITE, "points": (196, 128, 70)}.get(pattern, shade(coat, 0.2 if sum(coat) < 600 else 0.6))
    pen.ellipse(0, 0.48, 0.46, 0.4, shade(muzzle, -0.14), depth=0.5)
    pen.ellipse(0, 0.44, 0.42, 0.36, muzzle, depth=0.55)
    eyes(pen, how, 0.38, -0.12, 0.18, (96, 58, 34), white=True, tall=1.05, slant=-0.15, lash=_lash(coat))
    for side in (-1, 1):
        brow = (214, 150, 90) if pattern == "points" else shade(coat, 0.3)
        pen.ellipse(side * 0.34, -0.4, 0.11, 0.055, brow, turn=side * 0.35, depth=0.3)
    mouth(pen, how, 0.58, 0.28)
    nose(pen, 0.25, 0.26, 0.2, jitter(rng, DARK, 5))
    for side in (-1, 1):
        pen.ellipse(side * 0.12, 0.31, 0.06, 0.035, (8, 6, 8), turn=side * 0.5, depth=0.6)


def _hanging_ears(pen: Pen, rng: np.random.Generator, colour: Colour) -> None:
    """Two soft ears that hang beside the cheeks."""
    long = rng.uniform(0.55, 0.95)
    for side in (-1, 1):
        ear = np.array([(0.42, -0.84), (0.86, -0.78), (1.2, -0.2), (1.2, long * 0.7), (0.98, long), (0.76, long * 0.6),
                        (0.74, -0.1), (0.58, -0.5)]) + rng.normal(0, 0.02, (8, 2))
        pen.polygon(furry(smooth(ear * [side, 1]), rng, 0.05), shade(colour, -0.2), depth=-0.1)
        inner = ear.mean(axis=0) + (ear - ear.mean(axis=0)) * 0.88
        pen.polygon(furry(smooth(inner * [side, 1]), rng, 0.04), colour, depth=-0.1)
        locks(pen, rng, smooth(inner * [side, 1]), colour)


def _folded_ears(pen: Pen, rng: np.random.Generator, colour: Colour) -> None:
    """Two raised ears whose tips fold forward."""
    for side in (-1, 1):
        flip = np.array([side, 1])
        ear = np.array([(0.22, -0.6), (0.4, -1.12), (0.74, -1.2), (0.98, -0.8), (0.8, -0.3)])
        pen.polygon(furry(smooth(ear * flip), rng, 0.05), shade(colour, -0.1), depth=-0.2)
        tip = np.array([(0.38, -1.12), (0.78, -1.2), (1.14, -0.72), (0.86, -0.74), (0.6, -0.9)])
        pen.polygon(furry(smooth(tip * flip), rng, 0.03), shade(colour, 0.15), depth=-0.15)


def _dog_pattern(pen: Pen, rng: np.random.Generator, curve: Points, pattern: str, coat: Colour, other: Colour) -> None:
    """Markings of a dog's head, kept within the outline."""
    with pen.inside(curve):
        if pattern == "blaze":
            pen.blob([(0, -1.0), (0.16, -0.6), (0.14, -0.1), (0.5, 0.5), (0.3, 1.1), (-0.3, 1.1), (-0.5, 0.5),
                      (-0.14, -0.1), (-0.16, -0.6)], WHITE)
        if pattern == "patch":
            side = rng.choice([-1, 1])
            patch = rng.normal([(0.1, -0.6), (0.6, -0.8), (0.9, -0.1), (0.5, 0.22), (0.14, 0.0)], 0.05)
            pen.polygon(furry(smooth(patch * [side, 1]), rng, 0.05), other)
        if pattern == "spots":
            for x, y, size in rng.uniform([-0.85, -0.85, 0.04], [0.85, 0.95, 0.12], (22, 3)):
                pen.ellipse(x, y, size, size * rng.uniform(0.7, 1.1), other, turn=rng.uniform(0, 3))


def fox(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """A fox: pointed face, pale cheek ruffs, tall dark-tipped ears, amber eyes; red, sandy, silver, cross or arctic."""
    coat = _pick(rng, [RUST, GINGER, (196, 156, 104), (92, 94, 104), BLACK, (150, 96, 70), (222, 224, 228)])
    pale = WHITE if sum(coat) > 300 else (176, 174, 178)
    body(pen, rng, coat, pale, 0.9)
    accessory(pen, rng, 1.12, 0.5)
    _triangle_ears(pen, rng, (0.86, -1.62), 0.16, (0.98, -0.16), coat, shade(pale, -0.1), tips=shade(coat, -0.7))
    outline = mirrored([(0, -0.72), (0.46, -0.68), (0.82, -0.3), (1.14, 0.24), (0.72, 0.52), (0.34, 0.86), (0, 1.04)])
    curve = head(pen, rng, outline, coat)
    _ruffs(pen, rng, pale)
    bridge = [(0, -0.5), (0.2, 0.0), (0.2, 0.4), (0.1, 0.72), (-0.1, 0.72), (-0.2, 0.4), (-0.2, 0.0)]
    pen.blob(bridge, shade(coat, 0.1), depth=0.4)
    fur(pen, rng, curve * [0.5, 0.6] + [0, -0.25], coat, 40)
    iris = _pick(rng, [(232, 160, 40), (214, 130, 30), (240, 190, 70)])
    eyes(pen, how, 0.4, 0.04, 0.17, iris, pupil="slit", tall=0.74, slant=0.42, lash=_lash(coat))
    mouth(pen, how, 0.9, 0.17)
    nose(pen, 0.74, 0.14, 0.11, DARK, depth=0.75)


def _ruffs(pen: Pen, rng: np.random.Generator, pale: Colour) -> None:
    """The pale fur that stands out from the cheeks, and a pale spot over each eye."""
    for side in (-1, 1):
        ruff = np.array([(0.12, 0.5), (0.3, 0.12), (0.62, 0.08), (1.26, 0.34), (0.94, 0.5), (0.84, 0.68), (0.56, 0.7),
                         (0.36, 0.9), (0.06, 1.04)])
        pen.polygon(furry(smooth(ruff * [side, 1]), rng, 0.09), pale, depth=0.05)
        pen.blob(np.array([(0.2, -0.34), (0.42, -0.36), (0.46, -0.26), (0.26, -0.2)]) * [side, 1], shade(pale, -0.04),
                 depth=0.3)


def owl(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """An owl: two face discs, huge ringed eyes, a beak, scalloped feathers; brown, tawny, grey, snowy or dark."""
    coat = _pick(rng, [BROWN, (190, 128, 78), GREY, (232, 232, 230), (86, 80, 84), GOLD, BLUE_GREY])
    dark = shade(coat, -0.38)
    pale = mix(shade(coat, 0.55), CREAM, 0.3)
    _owl_body(pen, rng, coat, dark)
    outline = mirrored([(0, -0.82), (0.56, -0.84), (0.98, -0.46), (1.08, 0.16), (0.86, 0.72), (0.42, 1.0), (0, 1.06)])
    curve = head(pen, rng, outline, coat)
    with pen.inside(curve):
        _feathers(pen, rng, coat, -0.9, -0.2, 1.05)
    _face_discs(pen, rng, dark, pale)
    iris = _pick(rng, [(250, 196, 40), (240, 140, 30), (250, 222, 90), (112, 66, 36)], 8)
    eyes(pen, how, 0.43, 0.06, 0.29, iris, pupil="round")
    beak = [(0, 0.14), (0.15, 0.28), (0.1, 0.5), (0, 0.66), (-0.1, 0.5), (-0.15, 0.28)]
    tone = _pick(rng, [(238, 176, 60), (90, 84, 80), (220, 150, 70)])
    pen.blob(beak, shade(tone, -0.25), depth=0.6)
    pen.blob(np.array(beak) * [0.6, 0.82] + [-0.02, 0.05], shade(tone, 0.15), depth=0.62)


def _owl_body(pen: Pen, rng: np.random.Generator, coat: Colour, dark: Colour) -> None:
    """The feathered breast, and on most owls the two tufts that look like ears."""
    pen.polygon(furry(smooth(mirrored([(0, 0.2), (0.8, 0.5), (1.06, 1.2), (1.1, 2.6), (0, 2.8)])), rng, 0.05), dark)
    breast = smooth(mirrored([(0, 0.2), (0.8, 0.5), (1.04, 1.2), (1.06, 2.6), (0, 2.8)]))
    with pen.inside(furry(breast, rng, 0.04)):
        _feathers(pen, rng, coat, 0.95, 2.6, 0.95)
    tufts = rng.uniform() < 0.72
    for side in (-1, 1) if tufts else ():
        tuft = rng.normal([(0.2, -0.7), (0.62, -1.02), (1.04, -1.36), (1.02, -0.7), (0.9, -0.3)], 0.03)
        pen.polygon(furry(smooth(tuft * [side, 1], 5), rng, 0.06), dark, depth=-0.1)


def _face_discs(pen: Pen, rng: np.random.Generator, dark: Colour, pale: Colour) -> None:
    """A round pale disc about each eye, with spokes and a dark rim."""
    for side in (-1, 1):
        middle = [side * 0.44, 0.08]
        pen.polygon(furry(circle(40) * [0.56, 0.6] + middle, rng, 0.05), dark, depth=0.1)
        pen.polygon(furry(circle(40) * [0.49, 0.53] + middle, rng, 0.04), pale, depth=0.12)
        spokes = circle(26)
        tones = [(*shade(pale, -0.3), 150)] * 26
        pen.hairs(spokes * 0.28 + middle, spokes * [0.46, 0.5] + middle, 0.018, tones)


def _feathers(pen: Pen, rng: np.random.Generator, coat: Colour, top: float, bottom: float, half: float) -> None:
    """Rows of overlapping scallops, each with a pale edge and a dark heart."""
    for row, y in enumerate(np.arange(top, bottom, 0.24)):
        for x in np.arange(-half, half + 0.01, 0.3) + 0.15 * (row % 2):
            tone = shade(coat, float(rng.uniform(-0.15, 0.2)))
            pen.ellipse(x, y, 0.19, 0.24, shade(tone, 0.42), depth=-0.1)
            pen.ellipse(x, y - 0.04, 0.165, 0.21, tone, depth=-0.1)
            pen.ellipse(x, y + 0.04, 0.05, 0.1, shade(coat, -0.5), depth=-0.1)


def panda(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """A panda: round pale head, round dark ears, slanted dark eye patches; black, brown, grey or reddish."""
    dark = _pick(rng, [BLACK, BLACK, (84, 58, 44), (62, 66, 80), (128, 62, 40)], 8)
    pale = _pick(rng, [WHITE, WHITE, WHITE, (240, 226, 200), (222, 222, 226), (230, 200, 160)], 8)
    body(pen, rng, dark, dark, 1.12)
    accessory(pen, rng, 1.02, 0.72)
    _round_ears(pen, rng, dark)
    outline = mirrored([(0, -0.86), (0.58, -0.82), (1.02, -0.36), (1.18, 0.2), (0.92, 0.7), (0.44, 0.94), (0, 0.97)])
    head(pen, rng, outline, pale)
    _eye_patches(pen, rng, dark)
    eyes(pen, how, 0.42, 0.0, 0.15, (70, 46, 36), pupil="round", rim=(236, 232, 226), lash=(244, 240, 232))
    pen.ellipse(0, 0.52, 0.4, 0.3, shade(pale, 0.4), depth=0.5)
    mouth(pen, how, 0.6, 0.19)
    nose(pen, 0.42, 0.17, 0.11, dark)
    if rng.uniform() < 0.3:
        _bamboo_twig(pen)


def _round_ears(pen: Pen, rng: np.random.Generator, dark: Colour) -> None:
    """Two round dark ears."""
    for side in (-1, 1):
        centre = np.array([side * 0.86, -0.78]) + rng.normal(0, 0.03, 2)
        pen.polygon(furry(circle(40) * 0.38 + centre, rng, 0.06), dark, depth=-0.25)
        pen.ellipse(centre[0] * 0.98, centre[1] + 0.05, 0.2, 0.2, shade(dark, 0.18), depth=-0.22)


def _eye_patches(pen: Pen, rng: np.random.Generator, dark: Colour) -> None:
    """The slanted dark patches about the eyes."""
    slant, size = rng.uniform(0.4, 0.75), rng.uniform(0.9, 1.1)
    for side in (-1, 1):
        patch = circle(32) * [0.27 * size, 0.37 * size]
        cos, sin = np.cos(side * slant), np.sin(side * slant)
        turned = patch @ np.array([[cos, sin], [-sin, cos]]) + [side * 0.46, 0.04]
        pen.polygon(furry(turned, rng, 0.045), dark, depth=0.2)


def _bamboo_twig(pen: Pen) -> None:
    """A twig of bamboo in the mouth."""
    pen.stroke([(-0.5, 0.78), (0.1, 0.7), (0.62, 0.76)], 0.07, (112, 160, 62), depth=0.6)
    pen.blob([(0.5, 0.74), (0.7, 0.52), (0.92, 0.5), (0.76, 0.72)], (136, 186, 74), depth=0.6)
    pen.blob([(0.6, 0.78), (0.82, 0.8), (0.98, 0.96), (0.72, 0.9)], (96, 146, 54), depth=0.6)


def rabbit(pen: Pen, rng: np.random.Generator, how: Mood) -> None:
    """A rabbit: long ears, dark eyes far apart, front teeth; plain, white-faced, spotted or with dark ends."""
    coat = _pick(rng, [WHITE, GREY, BROWN, CREAM, BLACK, (196, 150, 112), BLUE_GREY])
    pattern = str(rng.choice(["plain", "plain", "blaze", "spots", "ends"]))
    coat = WHITE if pattern in ("spots", "ends") else coat
    other = _pick(rng, [BROWN, BLACK, GREY, GOLD]) if pattern in ("spots", "ends") else coat
    body(pen, rng, coat, shade(coat, 0.3), 0.94)
    accessory(pen, rng, 1.02, 0.56)
    for side in (-1, 1):
        _long_ear(pen, rng, side, other)
    outline = mirrored([(0, -0.74), (0.42, -0.7), (0.74, -0.3), (0.92, 0.26), (0.76, 0.66), (0.4, 0.88), (0, 0.92)])
    curve = head(pen, rng, outline, coat)
    _rabbit_pattern(pen, rng, curve, pattern, other)
    muzzle = WHITE if pattern == "blaze" else shade(coat, 0.35)
    for side in (-1, 1):
        pen.ellipse(side * 0.54, 0.46, 0.17, 0.11, (240, 150, 150, 90), depth=0.3)
        if pattern != "ends":
            pen.ellipse(side * 0.18, 0.46, 0.24, 0.2, muzzle, depth=0.5)
    _rabbit_face(pen, rng, how, coat, contrast(mix(coat, muzzle, 0.3)))


def _rabbit_pattern(pen: Pen, rng: np.random.Generator, curve: Points, pattern: str, other: Colour) -> None:
    """Markings of a rabbit's head, kept within the outline."""
    with pen.inside(curve):
        if pattern == "blaze":
            pen.blob([(0, -0.6), (0.12, -0.2), (0.5, 0.4), (0.4, 1.0), (-0.4, 1.0), (-0.5, 0.4), (-0.12, -0.2)], WHITE)
        if pattern == "spots":
            for x, y, size in rng.uniform([-0.8, -0.7, 0.08], [0.8, 0.7, 0.3], (5, 3)):
                pen.ellipse(x, y, size, size * 0.8, other, turn=rng.uniform(0, 3))
        if pattern == "ends":
            for size in np.linspace(0.42, 0.22, 8):
                pen.ellipse(0, 0.36, size * 0.8, size, (*mix(other, WHITE, 0.15), 44), depth=0.5)


def _rabbit_face(pen: Pen, rng: np.random.Generator, how: Mood, coat: Colour, hairs: Colour) -> None:
    """Pale-ringed eyes, front teeth, mouth, nose and whiskers."""
    for side in (-1, 1):
        pen.ellipse(side * 0.54, 0.0, 0.3, 0.33, shade(coat, 0.55), depth=0.3)
    iris = _pick(rng, [(62, 38, 30), (36, 30, 38), (92, 58, 40), (58, 74, 104)], 5)
    eyes(pen, how, 0.54, 0.0, 0.19, iris, pupil="round", tall=1.14, rim=shade(coat, -0.7), lash=_lash(shade(coat, 0.4)))
    for side in (-1, 1):
        tooth = [(0, 0.56), (side * 0.12, 0.56), (side * 0.11, 0.82), (side * 0.012, 0.82)]
        pen.polygon(tooth, (255, 253, 246), depth=0.5)
    pen.stroke([(0, 0.56), (0, 0.82)], 0.02, (120, 96, 90), depth=0.5)
    mouth(pen, Mood("open", "smile", (0, 0)), 0.52, 0.17)
    nose(pen, 0.34, 0.1, 0.07, _pick(rng, [PINK, (214, 120, 126), (130, 84, 84)], 5))
    whiskers(pen, rng, 0.48, 0.36, 0.5, hairs)


def _long_ear(pen: Pen, rng: np.random.Generator, side: int, colour: Colour) -> None:
    """One long ear: upright and a little bent, or flopped aside."""
    flop = rng.uniform() < 0.22
    spread = rng.normal(0.24, 0.16)
    ear = np.array([(-0.14, 0), (-0.24, -0.6), (-0.2, -1.15), (0, -1.42), (0.2, -1.15), (0.24, -0.6), (0.14, 0)])
    if flop:
        ear = np.array([(-0.16, 0), (-0.2, -0.5), (0.0, -0.86), (0.46, -0.84), (0.72, -0.4), (0.7, 0.0), (0.5, -0.02),
                        (0.3, -0.36), (0.14, -0.1)])
    cos, sin = np.cos(spread), np.sin(spread)
    turn = np.array([[cos, sin], [-sin, cos]])
    base = np.array([0.36, -0.5])
    inner = ear * [0.58, 0.84] + [0.1 * flop, -0.06]
    pen.polygon(furry(smooth((ear @ turn + base) * [side, 1], 6), rng, 0.04), shade(colour, -0.1), depth=-0.2)
    pen.blob((inner @ turn + base) * [side, 1], mix((240, 170, 170), colour, 0.22), depth=-0.2)
