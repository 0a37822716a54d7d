"""The four autoencoders: counts, shapes, names, and the ReLU that stands after the pooling."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.autoencoder import Autoencoder
from models.specs import SPECS

# model: encoder parameters, decoder parameters, latent at 224
FACTS = {
    1: (3_910_784, 1_738_435, (512, 7, 7)),
    2: (8_630_400, 6_457_539, (1024, 3, 3)),
    3: (15_268_416, 6_457_539, (1024, 3, 3)),
    4: (8_630_400, 8_629_379, (1024, 2, 2)),
}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("number", SPECS)
def test_parameters_and_shapes_at_224(number: int) -> None:
    encoder, decoder, latent = FACTS[number]
    network = Autoencoder(number)
    assert (count(network.encoder), count(network.decoder)) == (encoder, decoder)
    with torch.inference_mode():
        latents = network.encoder(torch.rand(1, 3, 224, 224))
        assert tuple(latents.shape) == (1, *latent)
        assert network.decode(latents).shape == (1, 3, 224, 224)


@pytest.mark.parametrize("number", SPECS)
def test_the_table_predicts_the_sizes(number: int) -> None:
    spec, network = SPECS[number], Autoencoder(number)
    for size in (64, 96, 100, 160):
        with torch.inference_mode():
            if not spec.latent_size(size):
                continue
            latents = network.encoder(torch.rand(1, 3, size, size))
            assert latents.shape[-1] == spec.latent_size(size)
            assert network.decode(latents).shape[-1] == spec.output_size(size)
            assert spec.fits(size) == (spec.output_size(size) == size)


def test_which_sizes_are_reconstructed_exactly() -> None:
    fitting = {number: [size for size in (64, 96, 128, 160, 224) if spec.fits(size)] for number, spec in SPECS.items()}
    assert fitting == {1: [64, 96, 128, 160, 224], 2: [96, 160, 224], 3: [96, 160, 224], 4: [160, 224]}
    assert not SPECS[4].fits(20), "nothing is left of such a picture"


@pytest.mark.parametrize("number", [1, 2, 4])
def test_relu_after_pooling_is_the_same_function(number: int) -> None:
    network = Autoencoder(number).initialise(3)
    image = torch.rand(2, 3, 160, 160)
    slow = image
    for block in network.encoder:
        slow = block.down(functional.relu(block.conv(slow)))
    assert torch.equal(network.encoder(image), slow)


def test_model_3_has_relu_after_both_convolutions() -> None:
    network = Autoencoder(3).initialise(3)
    image = torch.rand(1, 3, 64, 64)
    slow = image
    for block in network.encoder:
        slow = functional.relu(block.down(functional.relu(block.conv(slow))))
    assert torch.equal(network.encoder(image), slow)


def test_the_reconstruction_is_never_negative() -> None:
    network = Autoencoder(2).initialise(0)
    nn.init.constant_(network.decoder[-1].bias, -1.0)
    with torch.inference_mode():
        assert float(network(torch.rand(1, 3, 96, 96)).min()) == 0.0


def test_names_in_the_state_dict_are_plain() -> None:
    names = list(Autoencoder(3).state_dict())
    assert names[:4] == ["encoder.0.conv.weight", "encoder.0.conv.bias", "encoder.0.down.weight", "encoder.0.down.bias"]
    assert names[-1] == "decoder.5.bias"
    assert not [name for name in Autoencoder(4).state_dict() if "down" in name]


def test_initialisation_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = Autoencoder(1).initialise(7).state_dict()
    torch.manual_seed(2)
    second = Autoencoder(1).initialise(7).state_dict()
    other = Autoencoder(1).initialise(8).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["encoder.0.conv.weight"], other["encoder.0.conv.weight"])


@pytest.mark.parametrize("number", SPECS)
def test_a_fresh_network_passes_its_signal_through(number: int) -> None:
    """Neither vanishing nor exploding, and no output channel that is silent everywhere."""
    network = Autoencoder(number).initialise(0)
    with torch.inference_mode():
        output = network(torch.rand(4, 3, 160, 160))
    assert 0.1 < float(output.std()) < 5
    assert (output.amax((0, 2, 3)) > 0).all()
