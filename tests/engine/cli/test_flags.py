"""What is said beside something that leaves it without a meaning is refused in a sentence, and never ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main

OF_PILE = "--collection pile"
BY_COLOUR = f"search {OF_PILE} --encoder colour-histogram"
SAVED = "a saved search keeps what it was made with."
REPLAYED = "it repeats the search of the file and only prints what differs."
WRONG = [
    ("search --saved red --label red", f"--label does not go with search --saved: {SAVED}"),
    ("search --saved red --k 8", f"--k does not go with search --saved: {SAVED}"),
    ("search --saved red other.png", f"'other.png' does not go with search --saved: {SAVED}"),
    ("search --saved red --pooling avg", f"--pooling does not go with search --saved: {SAVED}"),
    ("search --replay a.json --json", f"--json does not go with search --replay: {REPLAYED}"),
    ("search --replay a.json --csv", f"--csv does not go with search --replay: {REPLAYED}"),
    ("search --replay a.json --saved red", f"--saved does not go with search --replay: {REPLAYED}"),
    ("search --replay a.json other.png", f"'other.png' does not go with search --replay: {REPLAYED}"),
    (f"{BY_COLOUR} --image 1 --share 20", "--share does not go with a search without --words"),
    (f"{BY_COLOUR} --words red --crop 0,0,1,1", "--crop does not go with a search by words alone"),
    (f"duplicates {OF_PILE} --threshold 0.1 --strength loose", "--strength does not go with duplicates by vectors"),
    (f"duplicates {OF_PILE} --threshold 0.1 --keep largest", "--keep does not go with duplicates by vectors"),
    (f"duplicates {OF_PILE} --model 4 --protect red", "--protect does not go with duplicates by vectors"),
    (f"duplicates {OF_PILE} --model 4 --dry-run", "--dry-run does not go with duplicates by vectors"),
    (f"duplicates {OF_PILE} --metric cosine", "--metric does not go with duplicates list by looks"),
    (f"duplicates {OF_PILE} --dry-run", "--dry-run does not go with duplicates list: it moves nothing."),
    (f"duplicates trash {OF_PILE} --json", "--json does not go with duplicates trash"),
    (f"duplicates restore {OF_PILE} --keep oldest", "--keep does not go with duplicates restore"),
    (f"duplicates restore {OF_PILE} --dry-run", "--dry-run does not go with duplicates restore: without --act"),
    (f"duplicates restore {OF_PILE} --act a --json", "--json does not go with duplicates restore: it only restores."),
    (f"labels {OF_PILE} --undo --among red,blue", "--among does not go with labels --undo"),
    (f"labels {OF_PILE} --undo --json", "--json does not go with labels --undo"),
    (f"labels {OF_PILE} --suggest --of one", "--of does not go with labels --suggest"),
    (f"labels {OF_PILE} --write 0.5 --csv", "--csv does not go with labels --write"),
    ("classify --ask one --words red --collection pile", "--collection does not go with classify --ask"),
    ("classify --ask one --apply one", "--apply does not go with classify --ask"),
    (f"classify --apply one {OF_PILE} --folds 3", "--folds does not go with classify --apply"),
    (f"classify {OF_PILE} --all", "--all does not go with classify without --apply"),
    (f"classify {OF_PILE} --picture a.png", "--picture does not go with classify without --ask"),
    (f"classify {OF_PILE} --encoder-rate 0.1", "--encoder-rate does not go with classify without --fine-tune"),
    ("classify --list --keep both", "--keep does not go with classify --list: it lists every classification."),
    ("classify --show one --folds 3", "--folds does not go with classify --show"),
    ("classify --show one --missing 0", "--missing does not go with classify --show"),
    ("classify --delete one --json", "--json does not go with classify --delete: it only deletes."),
    ("compare --list --html a.html", "--html does not go with compare --list"),
    ("compare --show one --poolings avg", "--poolings does not go with compare --show"),
    ("compare --resume one --quick", "--quick does not go with compare --resume"),
    ("compare one --k 5", "--k does not go with compare --resume"),
    ("compare --show one --between a b --csv", "--csv does not go with compare --between"),
    ("compare one --resume two", "'one' does not go with compare --resume"),
    (f"compare {OF_PILE} --seeds 3", "--seeds does not go with compare without --report-tables"),
    (f"compare {OF_PILE} --report-tables --poolings avg", "--poolings does not go with compare --report-tables"),
    (f"{BY_COLOUR} #1 + #2 --words red", "--words does not go with a search with several examples"),
    (f"compare --quick {OF_PILE} --html a.html", "--html does not go with compare --quick"),
    (f"compare --quick {OF_PILE} --report-tables", "--report-tables does not go with compare --quick"),
    ("hashing --list --bits 8", "--bits does not go with hashing --list"),
    ("hashing --show one --ray local", "--ray does not go with hashing --show"),
    ("hashing --resume one --pooling avg", "--pooling does not go with hashing --resume"),
    ("hashing --vectors a.npy --encoder hog", "--encoder does not go with hashing --vectors"),
    (f"hashing {OF_PILE} --methods hnsw --bits 8", "--bits does not go with --methods hnsw"),
    (f"hashing {OF_PILE} --methods lsh,hnsw --parts 2", "--parts does not go with --methods lsh,hnsw"),
    (f"hashing {OF_PILE} --methods exact --lookup buckets", "--lookup does not go with --methods exact"),
    (f"hashing {OF_PILE} --methods kmeans --probes 2", "--probes does not go with --methods kmeans"),
    (
        f"hashing {OF_PILE} --methods lsh --lookup hamming --probes 1",
        "--probes does not go with --methods lsh --lookup",
    ),
    ("invariance --list --queries 3", "--queries does not go with invariance --list"),
    ("invariance --show one --precision float32", "--precision does not go with invariance --show"),
    (f"group {OF_PILE} --show one --cluster kmeans", "--cluster does not go with group --show"),
    (f"group {OF_PILE} --show one --seed 0", "--seed does not go with group --show"),
    (f"group {OF_PILE} --list --folders x", "--folders does not go with group --list"),
    (f"group {OF_PILE} --preset photo --pooling avg", "--pooling does not go with --preset without --encoder"),
    ("tag pile 1 --undo", "'1' does not go with tag --undo"),
    ("tag pile --undo --add lake", "--add does not go with tag --undo"),
    ("tag pile --undo --stars 0", "--stars does not go with tag --undo"),
    ("sidecars pile --undo --where label=red", "--where does not go with sidecars --undo"),
    ("searches --delete red --history", "--history does not go with searches --delete"),
    ("indexes --delete all --json", "--json does not go with indexes --delete"),
    ("jobs --delete one --csv", "--csv does not go with jobs --delete"),
    ("runs --list --replace", "--replace does not go with runs without --export"),
    ("runs --export one a.onnx --json", "--json does not go with runs --export"),
    ("runs --free --csv", "--csv does not go with runs --free"),
    ("runs --delete one --json", "--json does not go with runs --delete"),
    ("train --resume one --option t_0=5", "--option does not go with train --resume"),
    ("train --resume one --find-rate", "--find-rate does not go with train --resume"),
    (f"train {OF_PILE} --find-rate --seeds 2", "--seeds does not go with train --find-rate"),
    ("weights list hog", "'hog' does not go with weights list"),
    ("weights download hog --json", "--json does not go with weights download"),
    (f"vectors list {OF_PILE} --title x", "--title does not go with vectors list"),
    (f"vectors delete one {OF_PILE} --names x", "--names does not go with vectors delete"),
    (f"vectors add one.npy {OF_PILE} --csv", "--csv does not go with vectors add"),
    (f"explain {OF_PILE} #1 --words red --seen", "--seen does not go with explain --words"),
    (f"disagree {OF_PILE} hog raw-pixels --top 3 --json", "--top does not go with --json"),
    (f"export {OF_PILE} --format csv --to . --metric cosine", "--metric does not go with an export without vectors"),
    ("import stl-10 --label class", "--label does not go with a public data set"),
    ("open --title x", "--title does not go with open without a folder or file"),
    ("serve --mcp --port 8600", "--port does not go with serve --mcp"),
]
RIGHT = [
    "search --saved red --json",
    "search --saved red --csv --no-build --precision float32",
    "search --replay {}/answer.json --collection pile --no-build",
    f"{BY_COLOUR} --image 1 --crop 0,0,1,1 --k 2 --method exact --metric euclidean --label red",
    f"duplicates {OF_PILE} --threshold 0.1 --encoder colour-histogram --metric euclidean --json",
    f"duplicates {OF_PILE} --strength loose --keep oldest --protect red --csv",
    f"duplicates trash {OF_PILE} --dry-run --json",
    f"duplicates restore {OF_PILE} --csv",
    "classify --list --json",
    "compare --list --csv",
    "hashing --list --csv",
    f"hashing {OF_PILE} --encoder colour-histogram --methods lsh,hnsw --bits 8 --tables 2 --probes 1 --neighbours 3",
    f"hashing {OF_PILE} --encoder colour-histogram --methods rdh,lsh --lookup hamming --probes 1 --neighbours 3",
    "invariance --list --json --yes",
    f"group {OF_PILE} --list --csv",
    "tag pile 1 24 --where label=red --add lake --stars 2",
    "tag pile --undo",
    "searches --history --json",
    "indexes --delete all --collection pile --yes",
    "jobs --csv --yes",
    "runs --list --csv",
    "runs --free --yes",
    "weights list --json",
    f"vectors list {OF_PILE} --csv",
    f"hubs {OF_PILE} --encoder colour-histogram --most 2 --json",
    f"export {OF_PILE} --format csv --to {{}} --encoder colour-histogram --precision float32",
    f"disagree {OF_PILE} hog colour-histogram --top 3",
]


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder beside a home with a collection of 24 pictures, a saved search and an exported result."""
    folder = tmp_path_factory.mktemp("flags")
    for label in ("red", "blue"):
        (folder / "Pile" / label).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (24, 24), (20 * number, 60, 100 if label == "red" else 200)).save(
                folder / "Pile" / label / f"{number}.png"
            )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENZER_HOME", str(folder / "home"))
        assert main(["import", str(folder / "Pile")]) == 0
        yield folder


@pytest.fixture(scope="module")
def searched(pile: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch, (pile / "answer.json").open("w") as out:
        patch.setattr("sys.stdout", out)
        assert main([*BY_COLOUR.split(), "--image", "1", "--save", "red", "--json"]) == 0
    return pile


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_would_be_ignored_is_refused(
    pile: Path, capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    assert main(words.split()) == 1
    out, err = capsys.readouterr()
    assert err.strip().startswith(sentence)
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("words", RIGHT)
def test_what_goes_together_still_works(searched: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert main(words.format(searched).split()) == 0
    assert "does not go with" not in capsys.readouterr().err


def test_a_sentence_beside_json_is_not_on_stdout(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"duplicates trash {OF_PILE} --dry-run --json".split()) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["files"]
    assert "would be moved to the trash." in err


def test_the_hubs_of_a_csv_are_as_many_as_asked_for(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"hubs {OF_PILE} --encoder colour-histogram --csv".split()
    assert main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 24
    assert main([*words, "-", "--most", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
