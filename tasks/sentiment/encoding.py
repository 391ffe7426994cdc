"""The forward pass of an encoder, from PaddleNLP's own layers, in fewer and larger operations.

Query, key and value come from one matrix product, and where only the first token is read the last
block computes only that one: its queries, its feed-forward layer. Where some tokens are read, the
last block computes all but its attention for those alone. Outputs and gradients are
those of PaddleNLP's forward; the dropouts drop other values, with the same rates.
"""

from typing import Optional

import paddle
from paddle.nn import TransformerEncoderLayer
from paddle.nn.functional import softmax

from common.regularization import processor_dropout
from common.training.affine import affine

# What PaddleNLP adds to the score of a padding token.
MASKED = -1e4


def first_tokens(encoder: paddle.nn.Layer, token_ids: paddle.Tensor) -> paddle.Tensor:
    """Last hidden state of the first token, [batch, width], of token ids [batch, tokens]."""
    return _hidden(encoder, token_ids, first_only=True)


def all_tokens(encoder: paddle.nn.Layer, token_ids: paddle.Tensor) -> paddle.Tensor:
    """Last hidden states, [batch, tokens, width], of token ids [batch, tokens]."""
    return _hidden(encoder, token_ids).reshape([*token_ids.shape, -1])


def some_tokens(
    encoder: paddle.nn.Layer, token_ids: paddle.Tensor, places: paddle.Tensor, causal: bool = False
) -> paddle.Tensor:
    """Last hidden states, [places, width], at places of the flattened token ids [batch, tokens].

    Args:
        causal: a token sees itself and those before it, as in GPT.
    """
    return _hidden(encoder, token_ids, places=places, causal=causal)


def is_supported(encoder: paddle.nn.Layer) -> bool:
    """Whether the blocks are Paddle's with normalisation behind them, as in BERT, RoBERTa and ERNIE."""
    stack = getattr(encoder, "encoder", None)
    return (
        isinstance(stack, paddle.nn.TransformerEncoder)
        and stack.norm is None
        and all(
            type(block) is TransformerEncoderLayer and not block.normalize_before for block in stack.layers
        )
    )


def _hidden(
    encoder: paddle.nn.Layer,
    token_ids: paddle.Tensor,
    first_only: bool = False,
    places: Optional[paddle.Tensor] = None,
    causal: bool = False,
) -> paddle.Tensor:
    batch, tokens = token_ids.shape
    padding = token_ids == encoder.config.pad_token_id
    mask = (padding.astype("float32") * MASKED).reshape([batch, 1, 1, tokens])
    if causal:
        mask = mask + paddle.full([tokens, tokens], MASKED).triu(1)
    hidden = encoder.embeddings(input_ids=token_ids).reshape([batch * tokens, -1])
    *blocks, last = encoder.encoder.layers
    for block in blocks:
        hidden = _block(block, hidden, mask)
    return _block(last, hidden, mask, first_only, places)


def _block(
    block: TransformerEncoderLayer,
    hidden: paddle.Tensor,
    mask: paddle.Tensor,
    first_only: bool = False,
    places: Optional[paddle.Tensor] = None,
) -> paddle.Tensor:
    """Rows [batch x tokens, width] to as many rows, to those of the first tokens, or to some."""
    batch, tokens = mask.shape[0], mask.shape[3]
    asking = hidden.reshape([batch, tokens, -1])[:, 0] if first_only else hidden
    attended = _attention(block.self_attn, asking, hidden, mask)
    if places is not None:
        asking, attended = paddle.gather(asking, places), paddle.gather(attended, places)
    hidden = block.norm1(asking + block.dropout1(_linear(block.self_attn.out_proj, attended)))
    inner = block.dropout(block.activation(_linear(block.linear1, hidden)))
    return block.norm2(hidden + block.dropout2(_linear(block.linear2, inner)))


def _attention(
    attention: paddle.nn.MultiHeadAttention, asking: paddle.Tensor, hidden: paddle.Tensor, mask: paddle.Tensor
) -> paddle.Tensor:
    batch = mask.shape[0]
    heads, size = attention.num_heads, attention.head_dim
    if asking is hidden:
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        query, key, value = _heads(_joined(parts, hidden), batch, 3, heads, size)
    else:
        (query,) = _heads(_linear(attention.q_proj, asking), batch, 1, heads, size)
        key, value = _heads(_joined((attention.k_proj, attention.v_proj), hidden), batch, 2, heads, size)
    scores = paddle.matmul(query * size**-0.5, key, transpose_y=True) + mask
    shares = processor_dropout.dropout(softmax(scores), attention.dropout, attention.training)
    return paddle.matmul(shares, value).transpose([0, 2, 1, 3]).reshape([asking.shape[0], heads * size])


def _heads(rows: paddle.Tensor, batch: int, parts: int, heads: int, size: int) -> list[paddle.Tensor]:
    """Rows [batch x n, parts x heads x size] as ``parts`` tensors [batch, heads, n, size]."""
    return rows.reshape([batch, -1, parts, heads, size]).transpose([2, 0, 3, 1, 4]).unbind(0)


def _joined(layers: tuple[paddle.nn.Linear, ...], x: paddle.Tensor) -> paddle.Tensor:
    """The outputs of several linear layers side by side."""
    weight = paddle.concat([layer.weight for layer in layers], axis=1)
    return affine(x, weight, paddle.concat([layer.bias for layer in layers]))


def _linear(layer: paddle.nn.Linear, x: paddle.Tensor) -> paddle.Tensor:
    return affine(x, layer.weight, layer.bias)
