"""The fusions: shapes, known values, a slow plain attention, and a tiny set that each of them learns by heart."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.fusion import HIDDEN, CrossAttention, ExampleBatch, Fusion, Scale, averaged, best_share, best_temperature
from models.specs import FUSIONS, FusionSpec


def pairs(count: int = 24, words: int = 5) -> ExampleBatch:
    random = torch.Generator().manual_seed(3)
    there = torch.arange(words) < torch.randint(1, words + 1, (count, 1), generator=random)
    return ExampleBatch(
        torch.randn(count, 7, generator=random),
        torch.randn(count, 11, generator=random),
        torch.randn(count, words, 9, generator=random),
        there,
        torch.ones(count, dtype=torch.bool),
        torch.ones(count, dtype=torch.bool),
    )


def network(fusion: str, classes: int = 3, dropout: float = 0.0) -> Fusion:
    return Fusion(FusionSpec(fusion, 7, 11, 9, classes, dropout)).initialise(0)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_shapes(fusion: str) -> None:
    pair = pairs()
    found = network(fusion).eval().predictions(pair)
    assert found.fused.shape == (24, 3)
    assert (found.picture is None) == (fusion == "text")
    assert (found.text is None) == (fusion == "picture")
    hidden = network(fusion).hidden(pair)
    assert hidden.shape == (24, 2 * HIDDEN if fusion == "late" else HIDDEN)
    assert torch.allclose(hidden.norm(dim=1), torch.ones(24), atol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_tiny_set_is_learned_by_heart(fusion: str) -> None:
    pair, labels = pairs(), torch.arange(24) % 3
    net = network(fusion)
    net.settle(pair)
    adam = torch.optim.Adam(net.parameters(), lr=0.003)
    for _ in range(150):
        adam.zero_grad()
        said = net.predictions(pair)
        sum(functional.cross_entropy(one, labels) for one in said if one is not None).backward()  # type: ignore[union-attr]
        adam.step()
    assert (net.eval()(pair).argmax(1) == labels).all()


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = network("early"), network("early")
    torch.rand(5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    other = Fusion(first.spec).initialise(1)
    assert not torch.equal(other.picture.inner.weight, first.picture.inner.weight)


def test_the_heads_alone_share_nothing_with_the_fusion() -> None:
    pair, labels = pairs(), torch.arange(24) % 3
    for fusion in ("early", "intermediate"):
        net = network(fusion)
        functional.cross_entropy(net(pair), labels).backward()
        assert net.picture.inner.weight.grad is None
        assert net.text.inner.weight.grad is None


def test_what_a_late_fusion_says_is_the_weighted_average() -> None:
    pair, net = pairs(), network("late").eval()
    net.weight.fill_(0.3)
    said = net.predictions(pair)
    assert said.picture is not None
    assert said.text is not None
    expected = 0.7 * said.picture.softmax(1) + 0.3 * said.text.softmax(1)
    assert torch.allclose(said.fused.softmax(1), expected, atol=1e-6)


def test_a_late_fusion_listens_to_the_one_that_is_there() -> None:
    pair, net = pairs(), network("late").eval()
    nobody, everybody = torch.zeros(24, dtype=torch.bool), torch.ones(24, dtype=torch.bool)
    said = net.predictions(pair.without(picture=everybody, text=nobody))
    assert said.text is not None
    assert torch.allclose(said.fused.softmax(1), said.text.softmax(1), atol=1e-6)


def test_averaging_two_certain_predictions_is_known() -> None:
    sure = torch.tensor([[100.0, 0.0]])
    other = torch.tensor([[0.0, 100.0]])
    assert torch.allclose(averaged(sure, other, torch.tensor(0.25)), torch.tensor([[0.75, 0.25]]), atol=1e-6)


def test_the_share_is_the_most_even_one_that_is_not_worse_by_a_standard_error() -> None:
    random = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (60,), generator=random)
    picture = torch.randn(60, 4, generator=random) + 1.5 * functional.one_hot(labels, 4)
    text = torch.randn(60, 4, generator=random) + 0.7 * functional.one_hot(labels, 4)

    def losses(share: float) -> list[float]:
        found = []
        for row in range(60):
            p, t = picture[row].exp() / picture[row].exp().sum(), text[row].exp() / text[row].exp().sum()
            found.append(-math.log(float((1 - share) * p[labels[row]] + share * t[labels[row]])))
        return found

    every = {step / 100: torch.tensor(losses(step / 100), dtype=torch.float64) for step in range(101)}
    lowest = min(every, key=lambda share: float(every[share].mean()))
    gaps = {share: found - every[lowest] for share, found in every.items()}
    close = [share for share, gap in gaps.items() if gap.mean() <= gap.std(correction=0) / 59**0.5 + 1e-9]
    expected = min(close, key=lambda share: abs(share - 0.5))
    assert best_share(picture, text, labels) == pytest.approx(expected)
    assert 0 < lowest < expected <= 0.5


def test_the_share_swings_less_between_small_samples() -> None:
    random = torch.Generator().manual_seed(3)
    found = []
    for _ in range(8):
        labels = torch.randint(0, 4, (26,), generator=random)
        sides = [torch.randn(26, 4, generator=random) + 2 * functional.one_hot(labels, 4) for _ in range(2)]
        found.append(best_share(*sides, labels))
    assert max(found) - min(found) < 0.4


def test_of_equally_good_shares_the_even_one_is_taken() -> None:
    logits = torch.randn(8, 3)
    assert best_share(logits, logits, torch.zeros(8, dtype=torch.int64)) == 0.5


def test_a_temperature_is_undone_and_a_few_items_hardly_tell_one() -> None:
    random = torch.Generator().manual_seed(5)
    logits = 1.5 * torch.randn(4000, 4, generator=random)
    labels = torch.multinomial(logits.softmax(1), 1, generator=random)[:, 0]  # calibrated as they are
    for true in (0.25, 1.0, 4.0):
        assert best_temperature(logits * true, labels) == pytest.approx(true, rel=0.12)
    assert best_temperature(logits[:8] * 4, labels[:8]) < 4


def test_items_that_are_all_right_do_not_make_a_head_certain() -> None:
    labels = torch.arange(4).repeat(8)
    logits = 8.0 * functional.one_hot(labels, 4)
    assert best_temperature(logits, labels) >= 0.5


def test_a_cooled_head_divides_its_logits_and_nothing_else() -> None:
    net, pair = network("late"), pairs()
    before = net.predictions(pair)
    net.cool("text", 2.0)
    after = net.predictions(pair)
    assert before.text is not None
    assert after.text is not None
    assert torch.allclose(after.text, before.text / 2, atol=1e-5)
    assert torch.equal(after.picture, before.picture)  # type: ignore[arg-type]


def test_cross_attention_against_a_slow_plain_version() -> None:
    torch.manual_seed(0)
    part = CrossAttention(8, 2).requires_grad_(False)
    query, others = torch.randn(3, 8), torch.randn(3, 4, 8)
    there = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
    found, weights = part(query, others, there)
    for n in range(3):
        mixed: list[Tensor] = []
        for head in range(2):
            cut = slice(4 * head, 4 * head + 4)
            asked = part.query(query[n])[cut]
            known = [t for t in range(4) if there[n, t]]
            alike = [float(asked @ part.key(others[n, t])[cut]) / 2 for t in known]
            shares = [math.exp(a) / sum(map(math.exp, alike)) for a in alike]
            for t, share in zip(known, shares, strict=True):
                assert float(weights[n, head, t]) == pytest.approx(share, abs=1e-5)
            mixed.append(sum(share * part.value(others[n, t])[cut] for t, share in zip(known, shares, strict=True)))  # type: ignore[arg-type]
        assert torch.allclose(found[n], part.output(torch.cat(mixed)), atol=1e-5)
    assert torch.all(weights.permute(0, 2, 1)[~there] == 0)


def test_cross_attention_agrees_with_pytorch() -> None:
    torch.manual_seed(1)
    part, theirs = CrossAttention(8, 2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.query.weight, part.key.weight, part.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([part.query.bias, part.key.bias, part.value.bias]))
        theirs.out_proj.weight.copy_(part.output.weight)
        theirs.out_proj.bias.copy_(part.output.bias)
    query, others, there = torch.randn(3, 8), torch.randn(3, 4, 8), torch.arange(4) < torch.tensor([[4], [2], [1]])
    expected, _ = theirs(query[:, None], others, others, key_padding_mask=~there)
    assert torch.allclose(part(query, others, there)[0], expected[:, 0], atol=1e-6)


def test_attention_over_the_words_sums_up_to_one_and_sees_only_those_that_are_there() -> None:
    pair, net = pairs(), network("intermediate").eval()
    looked = net.attention(pair)
    assert looked is not None
    assert looked.shape == (24, 5)
    assert torch.allclose(looked.sum(1), torch.ones(24), atol=1e-5)
    assert torch.all(looked[~pair.there] == 0)
    nothing = pair.without(text=torch.ones(24, dtype=torch.bool), picture=torch.zeros(24, dtype=torch.bool))
    assert torch.all(net.attention(nothing) == 0)  # type: ignore[arg-type]
    assert network("early").attention(pair) is None


@pytest.mark.parametrize("fusion", ["early", "intermediate", "late"])
def test_what_is_missing_is_not_looked_at(fusion: str) -> None:
    net = network(fusion).eval()
    pair, gone = pairs(), torch.arange(24) % 2 == 0
    other = pairs()
    noise = torch.where(gone[:, None], torch.randn(24, 7), pair.picture)
    hidden = ExampleBatch(noise, other.text, other.words, other.there, other.has_picture, other.has_text)
    assert torch.allclose(net(pair.without(picture=gone)), net(hidden.without(picture=gone)), atol=1e-6)
    assert not torch.allclose(net(pair.without(picture=gone)), net(pair), atol=1e-3)


def test_scaled_vectors_have_no_mean_and_variance_one() -> None:
    vectors = 5 * torch.rand(200, 30) + 3
    scale = Scale(30)
    scale.settle(vectors)
    found = scale(vectors)
    assert found.mean(0).abs().max() < 1e-4
    assert float(found.square().mean()) == pytest.approx(1, abs=1e-3)
    alike = Scale(4)
    alike.settle(torch.ones(6, 4))
    assert torch.isfinite(alike(torch.ones(6, 4))).all()
