"""Depths of parameters by their structured names, for layer-wise decay."""

import re
from typing import Callable, Optional

_BLOCK = re.compile(r"(?:^|\.)encoder\.layers\.(\d+)\.")
_EMBEDDINGS = re.compile(r"(?:^|\.)embeddings\.")
_HEAD = re.compile(r"(?:^|\.)(?:pooler|classifier|head)\.")


def bert_depth_of(layers: int) -> Callable[[str], Optional[int]]:
    """Depths in PaddleNLP's BERT, ERNIE and RoBERTa, alone, with a head, or inside another layer.

    Embeddings have depth 0, ``encoder.layers.k`` depth k + 1, and ``pooler``, ``classifier`` and
    ``head`` depth ``layers`` + 1, wherever they stand in the name. Any other name, and a block
    beyond ``layers``, has none.

    Args:
        layers: number of blocks, ``config.num_hidden_layers``.
    """

    def depth(name: str) -> Optional[int]:
        block = _BLOCK.search(name)
        if block:
            return int(block[1]) + 1 if int(block[1]) < layers else None
        if _EMBEDDINGS.search(name):
            return 0
        return layers + 1 if _HEAD.search(name) else None

    return depth
