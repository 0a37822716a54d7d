"""The logic of the pages for collections and training, without a browser."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.collections.collection import Collection
from engine.core.errors import BadParameter, NameTaken
from engine.core.home import slug
from engine.core.recipe import Recipe
from engine.search.index_files import stored_indexes
from engine.workbench.job_kinds import work
from engine.workbench.workbench import CollectionCard, Workbench
from ui.pages.collections.cards import facts_of
from ui.session.opened import free_name


def page(name: str, **state: object) -> AppTest:
    """One page on its own, after its first run."""
    test = AppTest.from_string(f"from ui.pages.{name} import page as {name}\n{name}.page()", default_timeout=180)
    for key, value in state.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    elements = [*test.markdown, *test.caption, *test.subheader, *test.info, *test.success, *test.error]
    return "\n".join(str(element.value).replace("\\", "") for element in elements)


def test_every_collection_has_a_card(bench: Workbench) -> None:
    shown = texts(page("collections"))
    assert "12 pictures · 2 labels · Folder" in shown
    assert "5 pictures" in shown


def test_nothing_there_yet(empty_bench: Workbench) -> None:
    test = page("collections", adding=True)
    assert "No collections yet" in texts(test)
    assert "add-animal-faces" in [button.key for button in test.button]


def test_a_sample_starts_with_one_click(empty_bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    test = page("collections", adding=True)
    test.button(key="add-digits").click().run()
    assert started == [("sample", {"name": "digits"})]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("/etc", "is outside the folders that Benzer may read"),
        ("{home}/nowhere", "There is no folder or file"),
        ("", "must be the path of a folder or file"),
    ],
)
def test_a_folder_that_cannot_be_read_is_a_sentence(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch, typed: str, sentence: str
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(typed.format(home=small_home)).run()
    assert sentence in texts(test)
    assert "import-folder" not in [button.key for button in test.button]


def test_folders_are_entered_by_clicks(bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(f'"{small_home}"').run()
    next(button for button in test.button if button.label == "pictures").click().run()
    assert test.text_input(key="folder-path").value == str(small_home / "pictures")
    assert "17 pictures in pictures and below." in texts(test)
    test.button(key="folder-up").click().run()
    assert test.text_input(key="folder-path").value == str(small_home)


def test_a_folder_whose_name_is_no_text_is_imported(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append(arguments["path"]))
    monkeypatch.setenv("BENZER_ROOTS", str(tmp_path))
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(folder)
    Path(folder, "a.png").write_bytes(b"")
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(str(tmp_path)).run()
    next(button for button in test.button if button.label == "caf\N{REPLACEMENT CHARACTER}").click().run()
    assert test.text_input(key="folder-path").value == f"file://{tmp_path}/caf%E9"
    test.button(key="import-folder").click().run()
    assert started == [folder]


def test_a_folder_below_a_root_is_imported(bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(str(small_home / "pictures")).run()
    test.button(key="import-folder").click().run()
    folder = str(small_home / "pictures")
    assert started == [("import", {"title": "pictures", "source": "folder", "path": folder, "unlinked": True})]


def test_a_table_below_a_root_is_imported_with_the_columns_that_are_shown(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    table = small_home / "shop.CSV"
    table.write_text(f"nr,articleType,productDisplayName,season\n1,shirt,A shirt,{'*very* ' * 20}summer\n")
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(str(table)).run()
    assert test.button(key="import-folder").disabled
    assert "Choose the column that names the pictures." in texts(test)
    [season] = test.table[0].value["season"]
    assert season.startswith("\\*very\\*")
    assert season.endswith("…")
    test.selectbox(key=f"column-image-{table}").select("nr").run()
    test.selectbox(key=f"column-text-{table}").select("—").run()
    test.button(key="import-folder").click().run()
    columns = {"image": "nr", "label": "articleType", "text": ""}
    given = {"title": "shop", "source": "csv", "path": str(table), "unlinked": True, "columns": columns}
    assert started == [("import", given)]


def test_the_dialog_follows_the_import_to_its_report(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.jobs.job.begin_worker", lambda folder: None)
    job = bench.start("import", source="folder", path=str(small_home / "pictures" / "Few"), title="Once more")
    test = page("collections", adding=True, adding_job=job.id)
    assert "the import continues" in texts(test)
    work(job.folder)
    test.run()
    assert "5 added" in texts(test)
    assert test.session_state.collection_chosen == "once-more"
    test.button(key="report-duplicates").click().run()
    assert (test.session_state.collection, test.session_state.go_to) == ("once-more", "duplicates")
    test = page("collections", adding=True, adding_job=job.id)
    test.button(key="report-search").click().run()
    assert (test.session_state.adding, test.session_state.go_to) == (False, "search")


def test_a_folder_that_was_moved_is_found_again_by_clicks(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    folder, moved = small_home / "pictures" / "Few", small_home / "pictures" / "Moved" / "Few"
    assert "relink-few" not in [button.key for button in page("collections").button]
    moved.parent.mkdir()
    folder.rename(moved)
    try:
        test = page("collections")
        assert f"Its folder has gone: {folder}" in texts(test)
        test.button(key="relink-few").click().run()
        assert test.text_input(key="moved-path").value == str(folder.parent)
        next(button for button in test.button if button.label == "Moved").click().run()
        next(button for button in test.button if button.label == "Few").click().run()
        test.button(key="relink-do-few").click().run()
        assert Collection.open(bench.home, "few").source["folder"] == str(moved)
    finally:
        moved.rename(folder)
        bench.relink("few", folder)
        moved.parent.rmdir()


def test_a_folder_without_the_pictures_is_refused(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    folder, moved = small_home / "pictures" / "Few", small_home / "Few"
    folder.rename(moved)
    try:
        test = page("collections")
        test.button(key="relink-few").click().run()
        test.button(key="relink-do-few").click().run()
        assert "of which 5 pictures were looked for" in texts(test)
    finally:
        moved.rename(folder)


def test_reasons_against_an_import_are_shown_in_the_dialog(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    test = page("collections", adding=True)
    test.text_input(key="folder-path").set_value(str(small_home / "pictures")).run()
    test.text_input(key="folder-title").set_value("Shapes").run()
    test.button(key="import-folder").click().run()
    assert "There is a collection named 'Shapes' already." in texts(test)


def test_search_indexes_are_listed_and_deleted(bench: Workbench) -> None:
    asked = Recipe(bench.collections()[0].name, encoder="colour-histogram", method="hnsw")
    for kind in ("embed", "index"):
        bench.run(kind, recipe=asked.as_dict())
    stored = stored_indexes(bench.home.datasets)  # other tests of this home leave some, too
    assert any("hnsw" in one.recipe for one in stored)
    test = page("collections")
    test.button(key="indexes").click().run()
    assert not test.exception
    assert "They take" in texts(test)
    assert sorted(test.dataframe[0].value["Index"]) == sorted(one.recipe for one in stored)
    test.button(key="indexes-delete-all").click().run()
    assert not test.exception
    assert stored_indexes(bench.home.datasets) == []


def test_one_label_is_no_plural() -> None:
    card = CollectionCard("shop", "Shop", count=2, labels=1, rejects=0, origin="csv", thumb_ids=())
    assert facts_of(card) == "2 pictures · 1 label · Table"


def test_uploaded_files_are_spooled_for_the_job(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    test = page("collections", adding=True)
    test.text_input(key="upload-title").set_value("New *one*").run()
    data = (small_home / "pictures" / "Few" / "gold" / "00.png").read_bytes()
    test.file_uploader(key="import-0").set_value([("=a.png", data, "image/png"), ("b.png", data, "image/png")]).run()
    test.button(key="import-files").click().run()
    kind, arguments = started[0]
    assert (kind, arguments["title"], arguments["source"]) == ("import", "New *one*", "upload")
    spool = Path(arguments["spool"])
    assert (spool / "000001").read_bytes() == data


def test_a_taken_name_is_said_before_anything_starts(bench: Workbench) -> None:
    with pytest.raises(NameTaken):
        free_name("Shapes!")
    with pytest.raises(BadParameter):
        free_name("***")
    free_name("Other shapes")
    (bench.home.datasets / "left-over" / "pixels").mkdir(parents=True)
    free_name("Left over")  # of a collection that was removed while work on it still ran
    shutil.rmtree(bench.home.datasets / "left-over")
    assert slug("Shapes!") == "shapes"


def test_training_needs_a_collection(empty_bench: Workbench) -> None:
    test = page("train", recipe=None)
    assert "Add pictures" in [button.label for button in test.button]


def test_own_vectors_are_added_searched_and_removed(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = page("collections")
    assert not [button for button in test.button if button.key.startswith("own-search-")]
    test.text_input(key="own-title-few-0").set_value("From *elsewhere*")
    rows = np.random.default_rng(0).random((4, 3))
    test.file_uploader(key="own-files-few-0").set_value(("v.npy", _npy(rows), "application/octet-stream")).run()
    test.button(key="own-add-few").click().run()
    assert "must be that of the pictures of the collection, 5; got 4" in texts(test)
    rows = np.random.default_rng(0).random((5, 3))
    test.file_uploader(key="own-files-few-0").set_value(("v.npy", _npy(rows), "application/octet-stream")).run()
    test.button(key="own-add-few").click().run()
    assert "From *elsewhere* · 5 × 3" in texts(test)
    test.button(key="own-search-few-own-from-elsewhere").click().run()
    assert (test.session_state.collection, test.session_state.encoder) == ("few", "own-from-elsewhere")
    assert bench.readiness(Recipe("few", "own-from-elsewhere")).ready
    test.button(key="own-remove-few-own-from-elsewhere").click().run()
    assert not [choice for choice in bench.choices("few") if choice.name.startswith("own-")]


def _npy(rows: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, rows)
    return out.getvalue()


def test_a_rescan_may_read_every_file(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **given: asked.append({"kind": kind} | given))
    test = page("collections")
    test.button(key="rescan-shapes").click().run()
    test.checkbox(key="verify-shapes").check().run()
    test.button(key="rescan-shapes").click().run()
    assert asked == [
        {"kind": "rescan", "collection": "shapes"},
        {"kind": "rescan", "collection": "shapes", "verify": True},
    ]


def test_tags_are_written_beside_the_pictures(empty_bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "lakes").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "lakes" / "a.png")
    empty_bench.run("import", source="folder", title="Lakes", path=str(tmp_path / "lakes"))
    assert "sidecars-lakes" not in {button.key for button in page("collections").button}
    empty_bench.mark("lakes", [1], add=["lake"])
    test = page("collections")
    test.button(key="sidecars-lakes").click().run()
    assert [toast.value for toast in test.toast] == ["1 XMP file written, 0 unchanged."]
    assert "lake" in (tmp_path / "lakes" / "a.png.xmp").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "key", "noun"),
    [
        ("compare", "experiment", "comparison"),
        ("compare", "invariance", "table of invariances"),
        ("classify", "classification", "classification"),
        ("hashing", "study", "benchmark"),
    ],
)
def test_a_link_to_what_has_gone_says_so_also_without_collections(
    empty_bench: Workbench, name: str, key: str, noun: str
) -> None:
    test = AppTest.from_string(f"from ui.pages.{name} import page as {name}\n{name}.page()", default_timeout=180)
    test.session_state.recipe = None
    test.query_params[key] = "gone"
    test.run()
    assert [f"The {noun} “gone” does not exist any more."] == [warning.value for warning in test.warning]
    assert key not in test.query_params
    assert not test.run().warning
