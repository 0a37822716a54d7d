"""The recipe is one value with one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadParameter
from engine.core.recipe import MAX_K, Recipe, parse_method
from engine.indexes import make_index

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,30}", fullmatch=True)
METHODS = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
OPTIONS = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(0, 9999), max_size=4)
RECIPES = st.builds(
    lambda c, e, w, b, m, t, k, o: Recipe(c, e, w, b, m, t, k, tuple(o.items())),
    *(NAMES, NAMES, st.just("") | NAMES, NAMES, NAMES, METHODS, st.integers(1, MAX_K), OPTIONS),
)


@given(RECIPES)
def test_a_printed_recipe_parses_back_to_itself(recipe: Recipe) -> None:
    assert Recipe.parse(str(recipe)) == recipe
    assert Recipe.from_dict(recipe.as_dict()) == recipe
    assert hash(Recipe.parse(str(recipe))) == hash(recipe)


def test_options_have_one_order() -> None:
    a = Recipe("c", "e", method="lsh", options=(("tables", 9), ("bits", 8)))
    b = Recipe("c", "e", method="lsh", options=(("bits", 8), ("tables", 9)))
    assert a == b
    assert a.method_text == "lsh(bits=8,tables=9)"


def test_another_method_starts_from_its_own_defaults() -> None:
    recipe = Recipe("c", "e", method="lsh", options=(("bits", 8),))
    assert recipe.but(method="hnsw").options == ()
    assert recipe.but(metric="euclidean").options == (("bits", 8),)


@given(st.text(max_size=60))
def test_any_text_is_a_recipe_or_one_sentence(text: str) -> None:
    try:
        recipe = Recipe.parse(text)
    except BadParameter as error:
        assert "must be" in str(error)
    else:
        assert Recipe.parse(str(recipe)) == recipe


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 2.5, "8", True, None, float("nan")])
def test_k_must_be_a_whole_number_in_range(k: object) -> None:
    with pytest.raises(BadParameter, match="The k of the search"):
        Recipe("c", "e", k=k)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "..", "../etc", "a/b", "a b", "a\x00", "é", "a" * 200, None, 3])
def test_names_cannot_leave_their_folder(name: object) -> None:
    with pytest.raises(BadParameter):
        Recipe(name, "e")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["lsh(", "lsh)", "lsh(bits)", "lsh(bits=)", "lsh(bits=X)", "lsh(bits=nan)", "LSH", "", "lsh(bits=inf)"]
)
def test_a_method_written_wrongly_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        parse_method(text)


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(BadParameter, match="The bits of the method lsh must be given once; got 'bits=16'"):
        parse_method("lsh(bits=8, tables=2, bits=16)")


def test_a_word_is_a_value_of_a_choice_only() -> None:
    assert parse_method("hash(kind=median,bits=8)") == ("hash", (("kind", "median"), ("bits", 8)))
    with pytest.raises(BadParameter, match="bits"):
        make_index("lsh", "cosine", **dict(parse_method("lsh(bits=many)")[1]))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(BadParameter, match="kay"):
        Recipe.from_dict({"collection": "c", "encoder": "e", "kay": 8})
