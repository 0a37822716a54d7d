"""How many altered copies are missed where hashes are searched in lists, and only the nearest two are compared?

    python -m benchmarks.duplicates_in_lists --folder /data/lists [--others 150000]

Every third of the photographs, paintings and products of $BENZER_TEST_DATA gets one altered copy. Their hashes stand
among those of as many drawn thumbnails as asked for, which is what a large collection is to them. Counted are the pairs
of a picture and its copy that each way of looking for candidates proposes, and of these the pairs that are alike at
Normal. Below the folder the pictures and the import stay for another run. Writes
benchmarks/results/duplicates-in-lists.md.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count as count_from
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks._page import write_page
from benchmarks._thumbnails import SIDE, clouds
from benchmarks.altered_photographs import ALTERATIONS, DATA, Alteration, kind_of, origin_of
from engine.collections.collection import Collection
from engine.core.cache import Cache
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.duplicates import candidates, pairs
from engine.duplicates.candidates import Near, Pairs
from engine.duplicates.perceptual_hash import INVERSE, hashes
from engine.duplicates.prints import Prints, prints_of
from engine.duplicates.rules import STRENGTHS
from engine.evidence.alterations import brightened, compressed, cropped, rotated, smaller
from engine.workbench.workbench import Workbench

RESULT = PROJECT / "benchmarks" / "results" / "duplicates-in-lists.md"
EVERY = 3  # of so many pictures one has a copy
KINDS: dict[str, Alteration] = {
    **{kind: alter for kind, (_, alter) in ALTERATIONS.items()},
    "jpeg": lambda picture, number, chance: compressed(picture, 20),
    "quarter": lambda picture, number, chance: smaller(picture, 4),
    "tilted": lambda picture, number, chance: rotated(picture, 5),
    "darker": lambda picture, number, chance: brightened(picture, 0.7),
    "tight": lambda picture, number, chance: cropped(picture, 60),
}
Found = dict[tuple[int, int], int]  # (row, larger row): the orientation


def draw(folder: Path) -> None:
    """Write the pictures (`00012.jpg`) and the copies (`00012--tilted.jpg`)."""
    folder.mkdir(parents=True)
    chance, kinds = random.Random(0), list(KINDS)
    files = [path for name in ("animals", "paintings", "products") for path in sorted((DATA / name).rglob("*.*"))]
    files = [path for path in files if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    for number, path in enumerate(files):
        (folder / f"{number:05d}{path.suffix}").write_bytes(path.read_bytes())
    for place, number in enumerate(sorted(chance.sample(range(len(files)), len(files) // EVERY))):
        kind = kinds[place % len(kinds)]
        copy = KINDS[kind](Image.open(files[number]).convert("RGB"), place // len(kinds) % 8, chance)
        copy.save(folder / f"{number:05d}--{kind}.jpg", quality=88)


def imported(folder: Path) -> Collection:
    """The pictures as a collection, drawn and imported at the first time."""
    if not (folder / "pictures").is_dir():
        draw(folder / "pictures")
    bench = Workbench(Home(folder / "home"))
    if "real" not in {card.name for card in bench.collections()}:
        bench.run("import", source="folder", title="Real", path=str(folder / "pictures"))
    return bench.collection("real")


def copies_of(collection: Collection, prints: Prints) -> dict[tuple[int, int], str]:
    """The rows of each picture and its copy, and how it was altered."""
    names = {row.hash: row.name for row in collection.rows("image")}
    originals = {origin_of(names[one]): row for row, one in enumerate(prints.contents) if not kind_of(names[one])}
    altered = [(row, names[one]) for row, one in enumerate(prints.contents) if kind_of(names[one])]
    known = [(row, originals[origin_of(name)], kind_of(name)) for row, name in altered if origin_of(name) in originals]
    return {(min(row, other), max(row, other)): kind for row, other, kind in known}


def among_others(prints: Prints, count: int) -> Prints:
    """The prints, and after them those of drawn thumbnails, which have no local features."""
    drawn = np.stack([hashes(grey) for grey in islice(_drawn(), count)])
    every = np.concatenate([prints.hashes, drawn])
    none = np.empty((0, 2), np.float32), np.empty((0, 0, 2), np.float32), np.empty((0, 0, 32), np.uint8)
    return Prints([f"{row:08d}" for row in range(len(every))], every, np.zeros(len(every), np.int32), *none)


def _drawn() -> Iterator[NDArray[np.uint8]]:
    """The brightness of drawn thumbnails, one after the other."""
    for block in count_from():
        for coarse in clouds(block):
            picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            yield np.asarray(picture.convert("L"), np.uint8)


def near(found: Iterable[Near], most: int) -> Found:
    """The pairs of rows with up to `most` of those found near each."""
    pairs: Found = {}
    for row, places, bits in found:
        for other, how in candidates.nearest(row, places, bits, most).items():
            pairs.setdefault((min(row, other), max(row, other)), how if row < other else INVERSE[how])
    return pairs


def alike(prints: Prints, collection: Collection, proposed: Found, least: float) -> set[tuple[int, int]]:
    """Those of the proposed pairs that are alike."""
    rows = np.array(list(proposed), np.int32).reshape(-1, 2)
    asked = Pairs(rows, np.array(list(proposed.values()), np.int8))
    comparison = pairs.Comparison(prints, collection, asked, Cache(64))
    found = [one for start in range(0, len(asked), pairs.AT_ONCE) for one in comparison.part(start)]
    return {(int(rows[place, 0]), int(rows[place, 1])) for place, overlay in found if overlay.likeness >= least}


def proposed(prints: Prints, every: Prints) -> dict[str, Found]:
    """The pairs of real pictures, and of one with a drawn one, that each way proposes."""
    sharing, real, most = candidates.sharing_features(prints, Reporter()), len(prints), candidates.MOST
    ones, others = (part.tolist() for part in np.divmod(sharing, real))
    by_features: Found = dict.fromkeys(zip(ones, others, strict=True), -1)
    found: dict[str, Found] = {}
    for way, look in (("all", candidates.near_in_all), ("in lists", candidates.near_in_lists)):
        asked = list(takewhile(lambda one: one[0] < real, look(every, most, Reporter())))
        for count in (most, candidates.FEWEST):
            found[f"hashes, {way}, the nearest {count}"] = near(asked, count)
    both = {f"{way}, and local features": by_features | pairs for way, pairs in found.items()}
    return {**found, "local features": by_features, **both}


def measured(folder: Path, others: int) -> tuple[list[list[str]], str]:
    """The table, and a sentence on how many pictures that were."""
    collection = imported(folder)
    prints = prints_of(collection, Reporter())
    known = copies_of(collection, prints)
    total = Counter(known.values())
    rows = [["candidates", "copies proposed", "and alike at Normal", *KINDS]]
    for way, found in proposed(prints, among_others(prints, others)).items():
        right = {pair: how for pair, how in found.items() if pair in known}
        good = alike(prints, collection, right, STRENGTHS["normal"])
        kinds = Counter(known[pair] for pair in good)
        shares = [_share(len(right), len(known)), _share(len(good), len(known))]
        rows.append([way, *shares, *(f"{kinds[kind]} of {total[kind]}" for kind in KINDS)])
        print(rows[-1], flush=True)
    return rows, f"{len(prints):,} real pictures, {len(known):,} of them altered copies, among {others:,} drawn ones."


def _share(count: int, of: int) -> str:
    return f"{count:,} ({100 * count / of:.1f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the pictures and the import")
    parser.add_argument("--others", type=int, default=150_000)
    wanted = parser.parse_args()
    rows, said = measured(wanted.folder, wanted.others)
    command = f"python -m benchmarks.duplicates_in_lists --folder FOLDER --others {wanted.others}"
    write_page(RESULT, "Duplicates in lists", command, rows, said)


if __name__ == "__main__":
    main()
