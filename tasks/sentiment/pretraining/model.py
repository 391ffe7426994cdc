"""What stands on the encoder while it is pretrained."""

import copy

import paddle
from paddle import nn
from paddle.nn.functional import binary_cross_entropy_with_logits, cross_entropy, gelu, softmax
from paddlenlp.transformers import BertModel

from common.regularization.processor_dropout import use_processor_dropout
from common.training.layer_norm import use_processor_layer_norm
from tasks.sentiment.encoding import all_tokens, tokens_at


class TokenHead(nn.Layer):
    """Hidden states to logits over the vocabulary, by the embeddings' own table (Devlin et al. 2019)."""

    def __init__(self, encoder: BertModel):
        super().__init__()
        width = encoder.config.hidden_size
        self.transform, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = self.create_parameter([encoder.config.vocab_size], is_bias=True)

    def forward(self, hidden: paddle.Tensor, table: paddle.Tensor) -> paddle.Tensor:
        """Logits [rows, vocabulary] of ``hidden`` [rows, width], with ``table`` [vocabulary, width]."""
        hidden = self.norm(gelu(self.transform(hidden)))
        return paddle.matmul(hidden, table, transpose_y=True) + self.bias


class MaskedTokens(nn.Layer):
    """An encoder that predicts the tokens at given positions."""

    def __init__(self, encoder: BertModel):
        super().__init__()
        self.encoder, self.head = encoder, TokenHead(encoder)
        _prepare(self)

    def forward(self, token_ids: paddle.Tensor, positions: paddle.Tensor) -> paddle.Tensor:
        """Logits [batch x n, vocabulary] at ``positions`` [batch, n] of ``token_ids`` [batch, tokens]."""
        table = self.encoder.embeddings.word_embeddings.weight
        return self.head(tokens_at(self.encoder, token_ids, positions), table)

    def losses(self, token_ids, positions, targets, counts, original) -> dict[str, paddle.Tensor]:
        """``loss`` and, under ``masked_loss`` and ``masked_accuracy``, what held-out texts are measured by.

        Args:
            token_ids: with the chosen tokens hidden, int64 [batch, tokens].
            positions, targets: of the chosen tokens, int64 [batch, n].
            counts: which of them count, float32 [batch, n].
            original: token ids before, not used here.
        """
        loss, hits = _prediction(self(token_ids, positions), targets, counts)
        return {"loss": loss, "masked_loss": loss, "masked_accuracy": hits}


class ReplacedTokens(nn.Layer):
    """An encoder that tells which tokens a generator has replaced (ELECTRA, Clark et al. 2020).

    The generator is a shallower BERT on the same embeddings; both are trained together, and the
    encoder's gradient does not reach what the generator drew.
    """

    def __init__(self, encoder: BertModel, generator_layers: int, weight: float):
        super().__init__()
        self.encoder, self.weight = encoder, weight
        config = copy.deepcopy(encoder.config)
        config.num_hidden_layers = generator_layers
        self.generator = BertModel(config)
        self.generator.embeddings = encoder.embeddings
        self.generator_head = TokenHead(encoder)
        width = encoder.config.hidden_size
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        _prepare(self)

    def forward(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        """Logits [batch, tokens] that a token was replaced."""
        hidden = all_tokens(self.encoder, token_ids)
        return self.head(hidden.reshape([-1, hidden.shape[-1]])).reshape(token_ids.shape)

    def losses(self, token_ids, positions, targets, counts, original) -> dict[str, paddle.Tensor]:
        """As :meth:`MaskedTokens.losses`, of the generator; and ``detection_accuracy`` of the encoder."""
        table = self.encoder.embeddings.word_embeddings.weight
        predicted = self.generator_head(tokens_at(self.generator, token_ids, positions), table)
        loss, hits = _prediction(predicted, targets, counts)
        drawn = _draw(predicted.detach()).reshape(targets.shape)
        drawn = paddle.where(counts > 0, drawn, targets)
        replaced = paddle.put_along_axis(original, positions, drawn, 1)
        is_other = (replaced != original).astype("float32")
        real = (original != self.encoder.config.pad_token_id).astype("float32")
        logits = self(replaced)
        detection = binary_cross_entropy_with_logits(logits, is_other, real, reduction="sum") / real.sum()
        right = (((logits > 0).astype("float32") == is_other).astype("float32") * real).sum() / real.sum()
        total = loss + self.weight * detection
        return {
            "loss": total,
            "masked_loss": loss,
            "masked_accuracy": hits,
            "detection_loss": detection,
            "detection_accuracy": right,
        }


def _prepare(model: nn.Layer) -> None:
    use_processor_dropout(model)
    use_processor_layer_norm(model)
    for parameter in model.encoder.pooler.parameters():
        parameter.stop_gradient = True
    if hasattr(model, "generator"):
        for parameter in model.generator.pooler.parameters():
            parameter.stop_gradient = True


def _prediction(logits, targets, counts) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Mean cross entropy and share of hits over the tokens that count."""
    targets, counts = targets.reshape([-1]), counts.reshape([-1])
    loss = (cross_entropy(logits, targets, reduction="none").reshape([-1]) * counts).sum() / counts.sum()
    hits = ((logits.argmax(-1) == targets).astype("float32") * counts).sum() / counts.sum()
    return loss, hits


def _draw(logits: paddle.Tensor) -> paddle.Tensor:
    """A token for each row, drawn from softmax(logits), by the inverse of its distribution."""
    total = softmax(logits).cumsum(-1)
    drawn = (total < paddle.rand([len(total), 1]) * total[:, -1:]).astype("int64").sum(-1)
    return drawn.clip(max=logits.shape[1] - 1)
