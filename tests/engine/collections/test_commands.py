"""The commands for collections: looking one over for damage, and a known data set under a title of one's own."""

from __future__ import annotations

import pytest

from engine.cli.parser import main
from engine.collections.collection import Collection
from engine.collections.report import ImportReport
from engine.collections.sources.importing import import_files, import_folder
from engine.core.errors import NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs.listing import run


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    return home


def test_check(here, pile, encoded, capsys):
    import_folder(here, "Pile", pile, Reporter())
    import_files(here, "Kept", [(f"{seed}.png", encoded(seed)) for seed in range(3)], Reporter())
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "kept is sound.\npile is sound.\n"
    kept = Collection.open(here, "kept")
    places = [kept.image(int(id)).path for id in kept.images().ids[:2]]
    for place in places:
        place.write_bytes(place.read_bytes()[:-1] + b"x")
    assert main(["check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "pile is sound."
    assert {str(place) in line for place, line in zip(places, lines[:-1], strict=True)} == {True}
    assert main(["check", "pile"]) == 0
    assert main(["check", "kept"]) == 1
    assert "is sound" not in capsys.readouterr().out.replace("pile is sound.", "")
    assert main(["check", "nothing"]) == 1


def test_check_names_a_catalogue_that_cannot_be_opened(here, pile, capsys):
    import_folder(here, "Pile", pile, Reporter())
    (here.datasets / "pile" / "catalogue.sqlite").write_bytes(b"no catalogue" * 1000)
    for words in (["check"], ["check", "pile"]):
        assert main(words) == 1
        out, err = capsys.readouterr()
        assert "catalogue.sqlite has been damaged" in out + err


@pytest.mark.parametrize(("words", "title"), [(["--title", "My pets"], "My pets"), ([], "")])
def test_a_known_data_set_under_a_title(here, monkeypatch, words, title):
    asked: list[tuple[str, str]] = []

    def fetch(home: Home, name: str, reporter: Reporter, title: str = "") -> ImportReport:
        asked.append((name, title))
        return ImportReport("pets", added=1)

    monkeypatch.setattr("engine.collections.sources.job.import_known", fetch)
    assert main(["import", "oxford-iiit-pet", *words]) == 0
    assert asked == [("oxford-iiit-pet", title)]


def test_the_error_for_an_unknown_run_says_where_runs_are_listed(here, capsys):
    with pytest.raises(NotFound) as error:
        run(here, "nothing")
    command = error.value.way_out.rsplit(" ", 1)[1]
    assert main([command]) == 0
    assert capsys.readouterr().out.split()[:2] == ["run", "state"]
