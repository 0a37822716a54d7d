"""Any table in any dialect reads back equal; lines that do not fit are named and harm no other line."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.collections.sources import dialects
from engine.collections.sources.dialects import bare, records, unescaped
from engine.collections.sources.tables import PICTURE_HEADINGS, Table, opened, plain, preview, table_of
from engine.core.errors import UnreadableTable
from engine.core.tables import csv_text

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12).map(bare)
LINES = st.lists(st.tuples(CELL, CELL), max_size=6)
MARKED = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


def read(text: str) -> list[tuple[int, list[str], bool]]:
    found = records(text, lambda heading: plain(heading) in PICTURE_HEADINGS)
    return [(record.number, record.cells, bool(record.damage)) for record in found]


def written(lines: list[tuple[str, ...]], **dialect: object) -> str:
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(lines)  # type: ignore[arg-type]
    return out.getvalue()


@settings(max_examples=300, deadline=None)
@given(
    LINES,
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(MARKED),
    st.booleans(),
)
@example([("a;b", 'say "x"\n\n,')], ";", "\r\n", csv.QUOTE_MINIMAL, "utf-16", True)
def test_any_dialect_reads_back_equal(lines, separator, end, quoting, encoding, names_it) -> None:
    rows = [("image", "label", "text"), *((f"{n}.png", *line) for n, line in enumerate(lines))]
    quoting = csv.QUOTE_ALL if end == "\r" else quoting  # Python's writer leaves \n bare between lines ending in \r
    text = written(rows, delimiter=separator, lineterminator=end, quoting=quoting)
    data = (f"sep={separator}{end}" * names_it + text).encode(encoding)
    table = table_of("t.csv", data)
    assert [tuple(line.cells) for line in table.lines] == rows[1:]
    assert not any(line.damage for line in table.lines)


@settings(max_examples=100, deadline=None)
@given(LINES)
def test_our_own_csv_reads_back_equal(lines) -> None:
    rows = [[f"-{n}.png", label, text] for n, (label, text) in enumerate(lines)]
    table = table_of("t.csv", csv_text(["file", "label", "text"], rows).encode("utf-8-sig"))
    given = [(" ".join(label.split()), text) for _, label, text in rows]
    assert [(table.label_of(line), table.text_of(line)) for line in table.lines] == given


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["good", "comma", "quote"]), min_size=1, max_size=12))
def test_lines_that_do_not_fit_harm_no_other(kinds: list[str]) -> None:
    shapes = {"good": '{}.png,"a, b",x', "comma": "{}.png,a, b,x", "quote": '{}.png,"a,x'}
    lines = ["image,text,label", *(shapes[kind].format(n) for n, kind in enumerate(kinds))]
    found = read("\n".join(lines))[1:]
    assert [(number, damaged) for number, _, damaged in found] == [
        (n + 2, kind != "good") for n, kind in enumerate(kinds)
    ]
    assert all(cells == [f"{n - 2}.png", "a, b", "x"] for n, cells, damaged in found if not damaged)


def test_backslashes_before_quotes_and_blank_lines() -> None:
    text = '\n\nimage,text\n\na.png,"two \\"x\\" three"\nimg\\b.png,"plain"\n'
    assert read(text) == [
        (3, ["image", "text"], False),
        (5, ["a.png", 'two "x" three'], False),
        (6, ["img\\b.png", "plain"], False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# exported by a program\n# on a Monday\nimage,label\na.png,x\n",
        "# images, exported\nimage,label\na.png,x\n",
        "#image,label\na.png,x\n",
        "# by a program\n# image, label\na.png,x\n",
        "sep=;\n# by a program\nimage;label\na.png;x\n",
        ",,\nimage,label\n,\n , \na.png,x\n",
        "\u200bimage\xa0,\ufefflabel\n\u202aa.png,x\u200b\n",
    ],
)
def test_comments_empty_lines_and_signs_without_width_are_passed_over(text: str) -> None:
    assert [(cells, damaged) for _, cells, damaged in read(text)] == [
        (["image", "label"], False),
        (["a.png", "x"], False),
    ]


def test_a_picture_behind_a_hash_is_no_comment() -> None:
    assert [cells for _, cells, _ in read("#,image\n1,a.png\n#2,b.png\n")] == [
        ["#", "image"],
        ["1", "a.png"],
        ["#2", "b.png"],
    ]
    with pytest.raises(UnreadableTable, match=r"names a picture, '#1\.png'"):
        table_of("t.csv", b"#1.png,x\n#2.png,y\n")


def test_what_databases_write() -> None:
    table = table_of("t.csv", b'image,label,text\r\nimg\\a.png,\\N,"5\\" nail"\r\nb.png,x,\\N\r\n\x1a')
    told = [(table.picture_of(line), table.label_of(line), table.text_of(line)) for line in table.lines]
    assert told == [("img\\a.png", "", '5" nail'), ("b.png", "x", "")]


def test_a_single_column_may_hold_commas_and_short_lines_are_filled_up() -> None:
    assert [cells for _, cells, _ in read("image\na, b.png\n")] == [["image"], ["a, b.png"]]
    table = table_of("t.csv", b"image,label\na.png\nb.png,x,,\n")
    assert [(table.picture_of(line), table.label_of(line)) for line in table.lines] == [("a.png", ""), ("b.png", "x")]


@pytest.mark.parametrize(
    ("header", "used", "passed_over"),
    [
        ("file_name,text", ("file_name", "", "text"), []),
        ("ID,gender,articleType,productDisplayName", ("ID", "articleType", "productDisplayName"), ["gender"]),
        ("image_path,Category,Caption,split", ("image_path", "Category", "Caption"), ["split"]),
        ("filepath,species,class", ("filepath", "class", ""), ["species"]),
    ],
)
def test_usual_headings(header: str, used: tuple[str, str, str], passed_over: list[str]) -> None:
    table = table_of("t.csv", (header + "\n" + ",".join(["1"] * (header.count(",") + 1))).encode())
    places = (table.image, table.label, table.text)
    assert tuple(table.header[place] if place >= 0 else "" for place in places) == used
    assert table.notes() == (
        [f"Further columns of t.csv are filters: {', '.join(passed_over)}."] if passed_over else []
    )


def test_of_two_columns_the_one_with_picture_names_counts() -> None:
    table = table_of("t.csv", b"rank,id,name,label\n1,7,cats/a.png,cat\n")
    assert table.picture_of(table.lines[0]) == "cats/a.png"


def test_a_line_that_does_not_fit_says_nothing_of_the_columns() -> None:
    """Its name holds the separator, so that the end of it stands under another heading."""
    table = table_of("t.csv", b"id,label\n17,cat\nx,y.png,dog\n")
    assert [(table.picture_of(line), table.label_of(line)) for line in table.lines[:1]] == [("17", "cat")]
    assert table_of("t.csv", b"image,label\nx,y.png,dog\n").image == 0


@pytest.mark.parametrize(("text", "page"), [("Größe é", "1252"), ("кот и пёс", "1251"), ("şeftali ığdır", "1254")])
def test_windows_code_pages_are_recognised_and_named(text: str, page: str) -> None:
    table = table_of("t.csv", f"image,label\na.png,{text}\n".encode(f"cp{page}"))
    assert table.label_of(table.lines[0]) == text
    assert table.notes() == [f"t.csv is not in UTF-8; it was read as Windows-{page}."]


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("it’s – 5 €", "1252"),
        ("кошка", "1251"),
        ("собака", "1251"),
        ("γάτα και σκύλος", "1253"),
        ("żółw", "1250"),
        ("Größe", "1252"),
    ],
)
def test_letters_that_stand_in_words_tell_the_code_page(text: str, page: str) -> None:
    table = table_of("t.csv", f"image,label\na.png,{text}\nb.png,cat\n".encode(f"cp{page}"))
    assert table.label_of(table.lines[0]) == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_one_line_of_another_encoding_does_not_harm_the_others(end: str) -> None:
    lines = ["image,label", "a.png,Größe", "b.png,猫", "c.png,caf\xe9", "d.png,cat", ""]
    data = end.join(lines).encode().replace("café".encode(), b"caf\xe9")
    table = table_of("t.csv", data)
    assert [table.label_of(line) for line in table.lines] == ["Größe", "猫", "café", "cat"]
    assert table.notes() == ["Some lines of t.csv are not in UTF-8; these were read as Windows-1252."]


@pytest.mark.parametrize("page", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_may_hold_little_ascii(page: str) -> None:
    table = table_of("t.csv", ("image,label\na.png," + "猫" * 60 + "\n").encode(page))
    assert table.label_of(table.lines[0]) == "猫" * 60


@pytest.mark.parametrize(
    "above",
    ["Report of 2024\n", "Report of 2024,,\n,,\n", "My pets\nMade by, me\n\n", "// made by a program\n", '"A, B"\n'],
)
def test_a_title_above_the_headings_is_passed_over(above: str) -> None:
    table = table_of("t.csv", (above + "image,label,note\na.png,cat,image\nb.png,dog,x\n").encode())
    assert [table.header, table.lines[0].number] == [["image", "label", "note"], above.count("\n") + 2]
    assert [table.label_of(line) for line in table.lines] == ["cat", "dog"]


@pytest.mark.parametrize("text", ["Bild;Klasse\na.png;image\n", "number;kind\n1;image\n2;path\n"])
def test_headings_of_another_language_are_no_title(text: str) -> None:
    table = preview_of(text)
    assert table.header == text.split("\n")[0].split(";")


def preview_of(text: str) -> Table:
    with NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_text(text, encoding="utf-8")
        return preview(Path(file.name))


def test_no_heading_of_labels_is_pointed_out() -> None:
    notes = table_of("t.csv", b"image,genus\na.png,felis\n").notes()
    assert "No heading of t.csv is that of labels; if a column has them, choose it at the import." in notes
    assert table_of("t.csv", b"Bild;Klasse\na.png;Katze\n").label == 1


def test_texts_that_are_kept_from_becoming_numbers() -> None:
    table = table_of("t.csv", b'image,label\n"=""a.png""","=""007"""\n="b.png",="8"\n')
    assert [table.label_of(line) for line in table.lines] == ["007", "8"]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("t.xlsx", b"PK\x03\x04...", "a workbook"),
        ("t.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook"),
        ("t.txt", b'{"file_name": "a.png"}', "JSON"),
        ("t.csv", b"PAR1....", "a Parquet file"),
    ],
)
def test_other_kinds_of_files_are_named(name: str, data: bytes, what: str) -> None:
    with pytest.raises(UnreadableTable, match=f"{what}, not a table of text. Save the table as CSV"):
        table_of(name, data)


def first_record(lines: list[str]) -> tuple[list[str] | None, int]:
    """The first record by trying ever more lines: slow, but plain."""
    for used in range(1, len(lines) + 1):
        part, escaped = "".join(lines[:used]), any('\\"' in line for line in lines[:used])
        for form in (str, unescaped) if escaped else (str,):
            reader = csv.reader(map(form, lines[:used]), strict=True, skipinitialspace=True)
            try:
                found = list(reader)
            except csv.Error:
                continue
            quotes, behind = part.count('"'), part.count('\\"')
            if len(found) == 1 and (used == 1 or quotes % 2 == 0 or (behind and (quotes - behind) % 2 == 0)):
                return [cell.strip() for cell in found[0]], used
    return None, 1


@settings(max_examples=500, deadline=None)
@given(st.lists(st.text('ab,"\\ ', min_size=1, max_size=8).map(lambda text: text + "\n"), min_size=1, max_size=6))
@example(['"a\\"\n', 'b"\n'])
@example(['12" disc,"a\n', 'b"\n'])
def test_a_record_ends_where_the_shortest_one_ends(lines: list[str]) -> None:
    lines[0] = '"' + lines[0]
    assert dialects._record(lines, 0, ",")[:2] == first_record(lines)


def test_the_end_of_a_text_that_was_given_up_is_no_line_of_its_own() -> None:
    """Otherwise it labels a picture, and that of the picture's own line is a contradiction."""
    text = 'image,label,text\na.png,cat,"see\nb.png, too"\nb.png,dog,5" long\nc.png,cat,"x\ny"\n'
    assert read(text)[1:] == [
        (2, ['a.png,cat,"see'], True),
        (3, ['b.png, too"'], True),
        (4, ["b.png", "dog", '5" long'], False),
        (5, ["c.png", "cat", "x\ny"], False),
    ]


def test_a_line_that_is_too_long_is_named_and_harms_no_other() -> None:
    long = "x," * dialects.MOST_CHARACTERS
    found = read(f'image,label\n{long}\na.png,cat\n"b.png,{long}"\nc.png,"two\nlines"\n')
    assert [(number, damaged) for number, _, damaged in found] == [
        (1, False), (2, True), (3, False), (4, True), (5, False),
    ]  # fmt: skip
    assert found[2][1] == ["a.png", "cat"]
    assert found[4][1] == ["c.png", "two\nlines"]


@pytest.mark.parametrize("data", [b"x", b"image,", b"\0"], ids=repr)
def test_one_line_of_200_megabytes_is_refused_before_it_is_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with open(path, "wb") as file:
        file.write(data * 1000)
        file.truncate(200 << 20)
    tracemalloc.start()
    with pytest.raises(UnreadableTable, match=r"The first line of the table t\.csv is longer than 1 MB"):
        opened(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_more_lines_than_are_read_are_counted() -> None:
    with pytest.raises(UnreadableTable, match=r"has 6,000,001 lines; at most 5,000,000 are read"):
        table_of("t.csv", b"image\n" + b"\n" * 6_000_000)


@pytest.mark.parametrize("line", ['"a.png,b\n', '"a\n', '"\\"a\n', 'a,"b\n'], ids=repr)
def test_quotation_marks_that_never_match_do_not_hang(line: str) -> None:
    """Looking for the other mark from every line anew took minutes."""
    found = table_of("t.csv", ("image,label\n" + line * 100_000).encode())
    assert found.lines[-1].number > 99_000


def test_a_table_without_headings_loses_no_picture_in_silence() -> None:
    with pytest.raises(UnreadableTable, match=r"names a picture, 'a\.png'"):
        table_of("t.csv", b"a.png,cat\nb.png,dog\n")


def test_lines_with_fewer_fields_than_headings_are_reported() -> None:
    table = table_of("t.csv", b"image,text,label\na.png,red\nb.png,blue,cat\n")
    assert table.notes() == ["1 line has fewer fields than headings, as line 2; the last ones are taken as empty."]
