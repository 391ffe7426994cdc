"""The first convolution of a backbone that is shown several pictures at once."""

import functools

import paddle

COLOURS = 3


class FirstConvolution(paddle.nn.Conv2D):
    """A convolution for which a grey picture is one whose three colours are equal.

    Grey pictures come with a third of the channels; the weights of the three are then added up, which is
    equal to repeating the channels and costs a third.

    Args:
        pictures: how many there are; the input's channels are ordered by picture, then by colour.
    """

    def __init__(self, pictures: int, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.pictures = pictures

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """The convolution of [batch, pictures * 3, rows, columns], or [batch, pictures, ...] of grey ones."""
        if x.shape[1] == self.weight.shape[1]:
            return super().forward(x)
        width, _, *kernel = self.weight.shape
        weight = self.weight.reshape([width, self.pictures, COLOURS, -1, *kernel]).sum(axis=2).flatten(1, 2)
        return paddle.nn.functional.conv2d(x, weight, self.bias, self._stride, self._padding)


def show_pictures(backbone: paddle.nn.Layer, pictures: int) -> None:
    """Let a backbone for one picture be shown several; only its first convolution is another one then."""
    name, old = next(pair for pair in backbone.named_sublayers() if isinstance(pair[1], paddle.nn.Conv2D))
    width, channels, *kernel = old.weight.shape
    *parents, last = name.split(".")
    new = FirstConvolution(
        pictures,
        channels * pictures,
        width,
        kernel,
        stride=old._stride,
        padding=old._padding,
        bias_attr=False if old.bias is None else None,
    )
    setattr(functools.reduce(getattr, parents, backbone), last, new)
