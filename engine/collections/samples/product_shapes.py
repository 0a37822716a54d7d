"""Eight kinds of products, each drawn about one unit wide with its middle at (0, 0)."""

import numpy as np

from engine.collections.samples.drawing import Colour, Pen, Points, mirrored, mix, shade, smooth
from engine.collections.samples.product_looks import Look, emblem, patterned

BRASS: Colour = (206, 164, 82)
STEEL: Colour = (190, 194, 200)
SOLE: Colour = (246, 244, 238)


def _edge(pen: Pen, outline: Points, colour: Colour) -> None:
    """A thin darker line around the shape."""
    pen.stroke([*outline, outline[0]], 0.007, (*shade(colour, -0.45), 210))


def _folds(pen: Pen, outline: Points, lines: list[list[tuple[float, float]]]) -> None:
    """Soft shade on one side and creases along the lines."""
    with pen.inside(outline):
        for step in range(4):
            pen.polygon(outline * [1, 1] + [0.3 - 0.035 * step, 0.02], (0, 0, 0, 14))
        for line in lines:
            pen.stroke(line, 0.016, (0, 0, 0, 26))
            pen.stroke(np.array(line) - [0.012, 0], 0.01, (255, 255, 255, 40))


def t_shirt(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A T-shirt with a round or a pointed neck."""
    sleeve, hem = rng.uniform(0.02, 0.1), rng.uniform(0.38, 0.46)
    outline = mirrored([(0, -0.33), (0.13, -0.39), (0.27, -0.34), (0.5, -0.12 + sleeve), (0.39, 0.01 + sleeve),
                        (0.27, -0.07), (0.265, 0.15), (0.28, hem), (0, hem + 0.012)])
    patterned(pen, rng, outline, look)
    emblem(pen, look, 0, 0.02, 0.13)
    _folds(pen, outline, [[(0.24, -0.1), (0.14, 0.0)], [(-0.24, -0.1), (-0.15, 0.02)], [(-0.2, 0.3), (-0.1, 0.2)],
                          [(0.22, 0.32), (0.12, 0.24)]])
    drop = -0.22 if look.cut == "V-neck" else -0.28
    neck = [(-0.13, -0.39), (0, -0.36), (0.13, -0.39), (0.06, drop - 0.04), (0, drop), (-0.06, drop - 0.04)]
    pen.blob(neck, shade(look.main, -0.45))
    rim = [(-0.13, -0.39), (-0.07, drop - 0.045), (0, drop), (0.07, drop - 0.045), (0.13, -0.39)]
    pen.stroke(rim, 0.024, shade(look.main, -0.12))
    seam = shade(look.main, -0.4)
    for side in (-1, 1):
        pen.stroke([(side * 0.48, -0.14 + sleeve), (side * 0.37, -0.01 + sleeve)], 0.005, (*seam, 200))
        pen.stroke([(side * 0.27, -0.33), (side * 0.265, -0.07)], 0.006, (*seam, 130))
    pen.stroke([(-0.27, hem - 0.025), (0.27, hem - 0.025)], 0.004, (*seam, 200))
    _edge(pen, outline, look.main)


def trousers(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """Trousers: straight, wide, slim or cropped."""
    foot = {"straight-leg": 0.125, "wide-leg": 0.19, "slim": 0.085, "cropped": 0.12}[look.cut]
    end = 0.28 if look.cut == "cropped" else 0.47
    middle = 0.2 if look.cut == "wide-leg" else 0.16
    outline = mirrored([(0, -0.46), (0.19, -0.46), (0.23, -0.26), (0.25, 0.0), (middle + foot, end),
                        (middle - foot, end), (0.02, -0.08), (0, -0.1)])
    patterned(pen, rng, outline, look)
    _folds(pen, outline, [[(0.13, -0.1), (middle, end)], [(-0.13, -0.1), (-middle, end)], [(0.02, -0.1), (0.1, -0.16)],
                          [(-0.02, -0.1), (-0.1, -0.16)]])
    pen.polygon([(-0.195, -0.46), (0.195, -0.46), (0.205, -0.4), (-0.205, -0.4)], shade(look.main, -0.1))
    pen.stroke([(-0.205, -0.4), (0.205, -0.4)], 0.006, shade(look.main, -0.45))
    pen.stroke([(0, -0.4), (0, -0.12)], 0.006, shade(look.main, -0.45))
    pen.arc(0, -0.3, 0.04, 0.14, 0, np.pi / 2, 0.005, shade(look.main, -0.4))
    pen.ellipse(0, -0.43, 0.014, 0.014, BRASS)
    for side in (-1, 1):
        pen.stroke([(side * 0.13, -0.4), (side * 0.17, -0.31), (side * 0.226, -0.27)], 0.006, shade(look.main, -0.45))
        pen.polygon([(side * 0.1, -0.47), (side * 0.12, -0.47), (side * 0.12, -0.39), (side * 0.1, -0.39)],
                    shade(look.main, -0.25))
        pen.stroke([(side * (middle - foot), end - 0.03), (side * (middle + foot), end - 0.03)], 0.004,
                   shade(look.main, -0.4))
    _edge(pen, outline, look.main)


def dress(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A dress with a waist and a flared or a long skirt."""
    wide = {"long": 0.26, "knee-length": 0.3}.get(look.cut, float(rng.uniform(0.27, 0.36)))
    end = 0.48 if look.cut == "long" else float(rng.uniform(0.3, 0.4))
    top = [(0, -0.3), (0.07, -0.42), (0.13, -0.46)]
    if look.cut == "short-sleeved":
        top += [(0.2, -0.44), (0.3, -0.26), (0.22, -0.2), (0.17, -0.27)]
    else:
        top += [(0.165, -0.45), (0.14, -0.33)]
    outline = mirrored([*top, (0.15, -0.22), (0.115, -0.06), (0.17, 0.06), (wide * 0.86, end * 0.65), (wide, end),
                        (wide * 0.5, end + 0.025), (0, end + 0.01)])
    patterned(pen, rng, outline, look)
    _folds(pen, outline, [[(x * 0.3, -0.03), (x * 0.7, end * 0.5), (x, end)] for x in (-0.22, -0.12, 0.02, 0.12, 0.2)])
    belt = look.second if rng.uniform() < 0.5 else shade(look.main, -0.3)
    pen.blob([(-0.12, -0.085), (0, -0.075), (0.12, -0.085), (0.122, -0.035), (0, -0.025), (-0.122, -0.035)], belt)
    if rng.uniform() < 0.5:
        pen.ellipse(0, -0.055, 0.024, 0.024, BRASS)
    _edge(pen, outline, look.main)


def sneaker(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A sneaker seen from the side."""
    high = -0.34 if look.cut == "high-top" else -0.15
    upper = smooth([(-0.45, 0.1), (-0.46, high * 0.6), (-0.4, high), (-0.28, high + 0.02), (-0.15, high + 0.03),
                    (-0.05, -0.08), (0.12, 0.0), (0.34, 0.04), (0.47, 0.13), (0.46, 0.2), (-0.44, 0.2)])
    patterned(pen, rng, upper, look)
    _panels(pen, upper, look)
    _folds(pen, upper, [[(0.1, 0.02), (0.17, 0.1)], [(-0.3, 0.02), (-0.36, 0.1)]])
    pen.blob([(-0.41, high + 0.005), (-0.28, high - 0.012), (-0.14, high + 0.02), (-0.26, high + 0.045)],
             shade(look.main, -0.5))
    _laces(pen, look, high)
    _edge(pen, upper, look.main)
    sole = smooth([(-0.48, 0.17), (0, 0.19), (0.49, 0.17), (0.5, 0.23), (0.42, 0.27), (0, 0.275), (-0.42, 0.275),
                   (-0.49, 0.24)])
    pen.polygon(sole, SOLE)
    pen.stroke([(-0.48, 0.225), (0.49, 0.225)], 0.012, look.second)
    _edge(pen, sole, (150, 150, 150))


def _panels(pen: Pen, upper: Points, look: Look) -> None:
    """The second colour of a sneaker, its pale toe cap and the shade over the sole."""
    with pen.inside(upper):
        if look.pattern == "two-tone":
            pen.blob([(-0.6, -0.5), (-0.3, -0.5), (-0.2, 0.0), (-0.1, 0.3), (-0.6, 0.3)], look.second)
        if look.pattern == "side-striped":
            for x in (-0.12, -0.03, 0.06):
                pen.polygon([(x, -0.1), (x + 0.04, -0.1), (x - 0.06, 0.25), (x - 0.1, 0.25)], look.second)
        pen.blob([(0.26, -0.02), (0.5, 0.02), (0.56, 0.25), (0.24, 0.25), (0.3, 0.12)], mix(look.main, SOLE, 0.75))
        pen.polygon([(-0.5, 0.13), (0.5, 0.17), (0.5, 0.25), (-0.5, 0.25)], (0, 0, 0, 40))


def _laces(pen: Pen, look: Look, high: float) -> None:
    """Laces and their eyelets, from the collar down to the toe."""
    lace = SOLE if sum(look.main) < 620 else look.second
    for share in np.linspace(0.08, 0.92, 6 if look.cut == "high-top" else 4):
        x, y = np.array([-0.13, high + 0.06]) * (1 - share) + np.array([0.14, 0.01]) * share
        pen.stroke([(x - 0.01, y - 0.035), (x - 0.085, y + 0.05)], 0.02, lace)
        pen.ellipse(x - 0.085, y + 0.05, 0.009, 0.009, shade(look.main, -0.6))


def handbag(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A handbag: a tote, one with a top handle or one with a long strap."""
    high = {"tote": 0.32, "top-handle": 0.2, "shoulder": 0.16}[look.cut]
    wide, top = float(rng.uniform(0.3, 0.42)), 0.4 - 2 * high
    arch = {"tote": 0.26, "top-handle": 0.2, "shoulder": 0.5}[look.cut]
    reach = wide * {"tote": 0.5, "top-handle": 0.55, "shoulder": 0.92}[look.cut]
    handle = shade(look.main, -0.25) if rng.uniform() < 0.6 else look.second
    for lift in (0.03, 0.0) if look.cut != "shoulder" else (0.0,):
        pen.arc(0, top + 0.02, reach, arch + lift, np.pi, 2 * np.pi, 0.03, shade(handle, -0.2 if lift else 0))
    outline = smooth(mirrored([(0, top), (wide * 0.86, top), (wide * 0.95, top + 0.03), (wide * 1.06, 0.34),
                               (wide, 0.4), (0, 0.41)]), 5)
    patterned(pen, rng, outline, look)
    _folds(pen, outline, [])
    if look.cut == "tote":
        pen.stroke([(-wide * 0.93, top + 0.045), (wide * 0.93, top + 0.045)], 0.006, shade(look.main, -0.4))
    else:
        _flap(pen, rng, look, wide, top, high)
    for side in (-1, 1):
        pen.ellipse(side * reach, top + 0.03, 0.026, 0.026, BRASS)
        pen.ellipse(side * reach, top + 0.03, 0.012, 0.012, shade(BRASS, -0.4))
    _edge(pen, outline, look.main)


def _flap(pen: Pen, rng: np.random.Generator, look: Look, wide: float, top: float, high: float) -> None:
    """The flap of a handbag with its clasp."""
    flap = smooth(mirrored([(0, top - 0.005), (wide * 0.9, top), (wide * 0.96, top + high * 0.6),
                            (wide * 0.5, top + high * 0.95), (0, top + high)]), 5)
    pen.polygon(flap + np.array([0, 0.015]), (0, 0, 0, 50))
    patterned(pen, rng, flap, look)
    _edge(pen, flap, look.main)
    pen.ellipse(0, top + high - 0.01, 0.04, 0.03, BRASS)
    pen.ellipse(0, top + high - 0.015, 0.015, 0.012, shade(BRASS, 0.5))


def watch(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A wrist watch, strap upwards, with a round or a square case."""
    steel = look.material == "steel bracelet"
    strap = shade(STEEL, -0.05) if steel else look.main
    half = float(rng.uniform(0.09, 0.12))
    for side in (-1, 1):
        band = np.array([(-half, 0.14), (half, 0.14), (half * 0.82, 0.5), (-half * 0.82, 0.5)]) * [1, side]
        pen.polygon(band, strap)
        _strap(pen, look, half, side, strap)
        _edge(pen, band, strap)
    metal = BRASS if rng.uniform() < 0.4 and not steel else STEEL
    dial = look.main if steel else look.second
    for size, colour in ((0.25, shade(metal, -0.35)), (0.24, metal), (0.215, shade(metal, -0.2)), (0.2, dial)):
        _face(pen, look.cut, size, colour)
    if look.pattern == "ringed":
        _face(pen, look.cut, 0.19, shade(dial, 0.5))
        _face(pen, look.cut, 0.165, dial)
    pen.ellipse(0.262, 0, 0.02, 0.03, shade(metal, -0.2))
    _hands(pen, rng, look, (30, 30, 34) if sum(dial) > 400 else (246, 244, 238))
    pen.blob([(-0.13, -0.06), (-0.02, -0.15), (0.03, -0.14), (-0.12, 0.02)], (255, 255, 255, 46))


def _strap(pen: Pen, look: Look, half: float, side: int, strap: Colour) -> None:
    """What makes the strap: links, stitches, a weave or plain rubber with holes."""
    if look.material == "steel bracelet":
        for y in np.arange(0.2, 0.5, 0.05):
            pen.stroke([(-half, y * side), (half, y * side)], 0.007, shade(strap, -0.45))
        for x in (-half * 0.35, half * 0.35):
            pen.stroke([(x, 0.14 * side), (x, 0.5 * side)], 0.005, shade(strap, -0.3))
    elif look.material == "woven strap":
        for x in (-half * 0.4, 0.0, half * 0.4):
            pen.stroke([(x, 0.14 * side), (x, 0.5 * side)], half * 0.24, look.second)
    elif look.material == "leather strap":
        for x in (-half * 0.76, half * 0.76):
            for y in np.arange(0.2, 0.48, 0.03):
                pen.stroke([(x, y * side), (x, (y + 0.014) * side)], 0.006, shade(strap, 0.45))
    else:
        for y in np.arange(0.3, 0.48, 0.05):
            pen.ellipse(0, y * side, 0.018, 0.009, shade(strap, -0.5))


def _face(pen: Pen, cut: str, size: float, colour: Colour) -> None:
    """A disc or a rounded square."""
    if cut == "round":
        pen.ellipse(0, 0, size, size, colour)
    else:
        s, c = size * 0.92, size * 0.8
        pen.polygon(smooth([(c, -s), (s, -c), (s, c), (c, s), (-c, s), (-s, c), (-s, -c), (-c, -s)], 3), colour)


def _hands(pen: Pen, rng: np.random.Generator, look: Look, tone: Colour) -> None:
    """Markers and hands; the watch of a catalogue shows about ten past ten."""
    for hour in range(12):
        if look.pattern == "numbered" or hour % 3 == 0:
            along = np.array([np.sin(hour * np.pi / 6), -np.cos(hour * np.pi / 6)])
            pen.stroke([along * 0.145, along * 0.172], 0.014 if hour % 3 == 0 else 0.008, tone)
    minute = rng.normal(10, 6) * 2 * np.pi / 60
    for angle, long, width in ((minute / 12 - np.pi / 3, 0.09, 0.017), (minute, 0.135, 0.011)):
        pen.stroke([(0, 0), (np.sin(angle) * long, -np.cos(angle) * long)], width, tone)
    pen.stroke([(0, 0.03), (0.05, -0.12)], 0.005, (206, 60, 50))
    pen.ellipse(0, 0, 0.013, 0.013, tone)


def cap(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A cap seen from the side, its brim curved or flat."""
    crown = smooth([(-0.36, 0.12), (-0.36, -0.08), (-0.22, -0.26), (-0.02, -0.3), (0.18, -0.2), (0.26, -0.02),
                    (0.27, 0.12), (-0.05, 0.16)])
    patterned(pen, rng, crown, look)
    with pen.inside(crown):
        if look.pattern == "two-tone":
            pen.polygon([(0.02, -0.4), (0.4, -0.4), (0.4, 0.3), (0.08, 0.3)], look.second)
        pen.polygon([(-0.5, 0.06), (0.4, 0.06), (0.4, 0.3), (-0.5, 0.3)], (0, 0, 0, 22))
    _folds(pen, crown, [])
    emblem(pen, look, 0.12, -0.06, 0.075)
    for x in (-0.2, -0.02, 0.13):
        pen.stroke([(-0.04, -0.3), (x * 0.9 - 0.02, -0.14), (x * 1.2, 0.13)], 0.006, (*shade(look.main, -0.5), 150))
    for x, y in ((-0.18, -0.13), (0.03, -0.17)):
        pen.ellipse(x, y, 0.012, 0.012, shade(look.main, -0.55))
    pen.ellipse(-0.04, -0.3, 0.035, 0.018, shade(look.main, -0.2))
    _edge(pen, crown, look.main)
    _brim(pen, look)


def _brim(pen: Pen, look: Look) -> None:
    """The brim of a cap with its underside and a seam."""
    droop = 0.1 if look.cut == "curved-brim" else 0.0
    brim = smooth([(0.06, 0.11), (0.27, 0.07), (0.44, 0.09 + droop * 0.4), (0.52, 0.13 + droop),
                   (0.4, 0.155 + droop * 0.7), (0.2, 0.165), (0.05, 0.17)])
    shell = look.second if look.pattern in ("two-tone", "striped") else look.main
    pen.polygon(brim + np.array([0, 0.014]), shade(shell, -0.5))
    pen.polygon(brim, shell)
    pen.stroke([(0.12, 0.14), (0.3, 0.115), (0.46, 0.125 + droop * 0.8)], 0.004, shade(shell, -0.4))
    _edge(pen, brim, shell)


def mug(pen: Pen, rng: np.random.Generator, look: Look) -> None:
    """A mug with its handle to the right, filled and sometimes steaming."""
    half, high = (0.24, 0.33) if look.cut == "tall" else (0.3, 0.25)
    taper = float(rng.choice([1.0, 0.92, 0.82]))
    pen.arc(half * 0.97, 0.02, 0.17, high * 0.52, -1.5, 1.5, 0.085, shade(look.main, -0.5))
    pen.arc(half * 0.97, 0.02, 0.17, high * 0.52, -1.5, 1.5, 0.07, shade(look.main, -0.1))
    base = half * taper
    outline = mirrored([(0, -high), (half, -high), (base, high * 0.84), (base * 0.96, high * 0.92), (base * 0.84, high),
                        (base * 0.45, high + 0.025), (0, high + 0.03)])
    patterned(pen, rng, outline, look)
    emblem(pen, look, -0.02, 0.06, 0.1)
    with pen.inside(outline):
        if look.pattern == "dipped":
            line = [(x, 0.08 + 0.03 * np.sin(9 * x + rng.uniform(0, 1))) for x in np.linspace(-0.5, 0.5, 12)]
            pen.polygon([*line, (0.5, 0.6), (-0.5, 0.6)], look.second)
        for x in half * (0.95 - 0.13 * np.arange(5)):
            pen.polygon([(x, -0.5), (0.6, -0.5), (0.6, 0.5), (x, 0.5)], (0, 0, 0, 17))
        gleam = [(-half * 0.8, -0.5), (-half * 0.6, -0.5), (-half * 0.56, 0.5), (-half * 0.72, 0.5)]
        pen.polygon(gleam, (255, 255, 255, 60))
    _edge(pen, outline, look.main)
    _drink(pen, rng, look, half, high)


def _drink(pen: Pen, rng: np.random.Generator, look: Look, half: float, high: float) -> None:
    """The rim of a mug, coffee or tea, and sometimes steam."""
    pen.ellipse(0, -high, half + 0.008, 0.066, shade(look.main, -0.35))
    pen.ellipse(0, -high, half, 0.06, shade(look.main, 0.25))
    pen.ellipse(0, -high + 0.006, half * 0.9, 0.048, (86, 54, 36) if rng.uniform() < 0.6 else (176, 108, 48))
    pen.ellipse(-half * 0.2, -high - 0.004, half * 0.45, 0.016, (255, 255, 255, 50))
    for x in (-0.08, 0.03) if rng.uniform() < 0.5 else ():
        y = np.linspace(-high - 0.05, -high - 0.17, 9)
        pen.stroke(np.stack([x + 0.02 * np.sin(y * 55), y], axis=1), 0.014, (255, 255, 255, 150))
