"""EfficientNet-Lite 0, 1 and 2: EfficientNet without squeeze-and-excitation and with ReLU6.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, in the form that
Google published as EfficientNet-Lite (tensorflow/tpu). The names in the state dict are those of its published weights.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_STEM, FEATURES, CLASSES = 32, 1280, 1000
_SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}  # width and depth multipliers
_STAGES = (  # blocks, kernel, stride of the first, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """A convolution without bias and with TensorFlow's "same" padding: odd padding adds more right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        symmetric = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding=symmetric, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] > 1:
            top, bottom = self._pad(x.shape[2])
            left, right = self._pad(x.shape[3])
            x = functional.pad(x, (left, right, top, bottom))
        return super().forward(x)  # (n, outputs, ⌈h / stride⌉, ⌈w / stride⌉)

    def _pad(self, side: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        both = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return both // 2, both - both // 2


class Block(nn.Module):
    """An inverted residual: 1×1 expansion (unless `expansion` is 1), depthwise k×k, 1×1 to `outputs`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expanded, self.residual = expansion > 1, stride == 1 and inputs == outputs
        if self.expanded:
            self._expand_conv = SameConv2d(inputs, inner, 1)
            self._bn0 = _normalisation(inner)
        self._depthwise_conv = SameConv2d(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _normalisation(inner)
        self._project_conv = SameConv2d(inner, outputs, 1)
        self._bn2 = _normalisation(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expanded else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """(n, 3, s, s) pictures as (255·x − 127) / 128 to (n, 1000) scores; `features` stops before the global pooling."""

    def __init__(self, number: int) -> None:
        super().__init__()
        blocks = _blocks(*_SCALES[number])
        self._conv_stem = SameConv2d(3, _STEM, 3, stride=2)
        self._bn0 = _normalisation(_STEM)
        self._blocks = nn.ModuleList(Block(*sizes) for sizes in blocks)
        self._conv_head = SameConv2d(blocks[-1][1], FEATURES, 1)
        self._bn1 = _normalisation(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """(n, 3, s, s) to (n, 1280, ⌈s / 32⌉, ⌈s / 32⌉)."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x)))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self._fc(torch.mean(self.features(x), (2, 3)))
        return scores


def _blocks(width: float, depth: float) -> list[tuple[int, int, int, int, int]]:
    """Inputs, outputs, kernel, stride and expansion of each block; the first and last stage are not deepened."""
    made, inputs = [], _STEM
    for stage, (blocks, kernel, stride, expansion, channels) in enumerate(_STAGES):
        outputs = _eights(channels * width)
        for position in range(blocks if stage in (0, len(_STAGES) - 1) else math.ceil(blocks * depth)):
            made.append((inputs, outputs, kernel, stride if position == 0 else 1, expansion))
            inputs = outputs
    return made


def _eights(channels: float) -> int:
    """The nearest multiple of eight, rounded up if it would be more than 10 % smaller."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
