"""The sizes of the networks as plain values, available to forms and plans without loading PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = 3


@dataclass(frozen=True)
class Down:
    """How a block halves its picture: by max pooling, or by a learned 2×2 convolution with ReLU."""

    kernel: int
    stride: int = 2
    learned: bool = False


@dataclass(frozen=True)
class Up:
    """One transposed convolution with stride 2, followed by ReLU."""

    channels: int
    kernel: int
    output_padding: int = 0


@dataclass(frozen=True)
class Spec:
    """One model: the channels of its encoder's blocks (conv 3×3, then `down`), and the layers of its decoder."""

    blocks: tuple[int, ...]
    down: Down
    ups: tuple[Up, ...]

    def latent_size(self, size: int) -> int:
        """The side of the latent for pictures of `size` pixels squared; 0 if they are too small."""
        for _ in self.blocks:
            if size < self.down.kernel:
                return 0
            size = (size - self.down.kernel) // self.down.stride + 1
        return size

    def output_size(self, size: int) -> int:
        """The side of the reconstruction for pictures of `size` pixels squared."""
        side = self.latent_size(size)
        for up in self.ups:
            side = (side - 1) * 2 + up.kernel + up.output_padding
        return side

    def fits(self, size: int) -> bool:
        """Whether pictures of `size` pixels squared are reconstructed at exactly that size."""
        return self.latent_size(size) > 0 and self.output_size(size) == size


_TWOS = tuple(Up(channels, kernel=2) for channels in (512, 256, 128, 64, CHANNELS))
_SIX = (64, 128, 256, 512, 512, 1024)

SPECS: dict[int, Spec] = {
    # at 224: 64×112 · 128×56 · 256×28 · 512×14 · 512×7 | 512×14 · 256×28 · 128×56 · 64×112 · 3×224
    1: Spec(_SIX[:-1], Down(2), _TWOS),
    # at 224: as Model 1, then 1024×3 | 512×7 · 512×14 · 256×28 · 128×56 · 64×112 · 3×224
    2: Spec(_SIX, Down(2), (Up(512, kernel=3), *_TWOS)),
    # at 224: the shapes of Model 2; nothing is pooled, each halving is learned
    3: Spec(_SIX, Down(2, learned=True), (Up(512, kernel=3), *_TWOS)),
    # at 224: 64×111 · 128×55 · 256×27 · 512×13 · 512×6 · 1024×2 | 512×6 · 512×13 · 256×27 · 128×55 · 64×111 · 3×224
    4: Spec(
        _SIX,
        Down(3),
        (Up(512, 3, 1), Up(512, 3), Up(256, 3), Up(128, 3), Up(64, 3), Up(CHANNELS, 3, 1)),
    ),
}


@dataclass(frozen=True)
class ResidualSpec:
    """A small residual network: a stem, then basic blocks, each of which halves the picture.

    Attributes:
        title: to display. widths: the channels of the stem and of each block. size: the usual side of its pictures.
    """

    title: str
    widths: tuple[int, ...]
    size: int = 64

    @property
    def features(self) -> int:
        """The width of its vectors."""
        return self.widths[-1]

    def latent_size(self, size: int) -> int:
        """The side of the latent for pictures of `size` pixels squared."""
        for _ in self.widths:
            size = (size + 1) // 2
        return size


RESIDUAL: dict[str, ResidualSpec] = {"small-resnet": ResidualSpec("Small ResNet", (32, 64, 128, 256))}


@dataclass(frozen=True)
class BertSpec:
    """The sizes of one network: vector width, layers, heads, and vocabulary size."""

    width: int
    layers: int
    heads: int
    pieces: int = 30_522
    places: int = 512

    @property
    def inner(self) -> int:
        """The width between the two linear layers of each block."""
        return 4 * self.width


@dataclass(frozen=True)
class FusionSpec:
    """The shape of a fusion network: one of FUSIONS, the widths of its inputs, and the number of classes."""

    fusion: str
    picture: int
    text: int
    words: int
    classes: int
    dropout: float = 0.2


FUSIONS = ("picture", "text", "early", "intermediate", "late")


@dataclass(frozen=True)
class TowerSpec:
    """A tower of a CLIP network: its width, layers, heads, and the width between the two linear layers of a block.

    `quick`: whether its activation is x · sigmoid(1.702 x), as in the first published weights, instead of GELU.
    """

    width: int
    layers: int
    heads: int
    inner: int
    quick: bool


@dataclass(frozen=True)
class ClipSpec:
    """A CLIP network.

    Attributes:
        picture, text: the towers. width: of the vectors they share. size, patch: side of pictures and patches in
        pixels. pieces: number of word pieces. places: the most pieces of a text.
    """

    picture: TowerSpec
    text: TowerSpec
    width: int
    size: int
    patch: int
    pieces: int
    places: int
