"""An encoder with a classifier head."""

import paddle
from paddlenlp.transformers import BertConfig, BertModel

from common.regularization.dropout import DropoutClassifier
from common.regularization.processor_dropout import use_processor_dropout
from common.training.layer_norm import use_processor_layer_norm
from tasks.sentiment.config import Model
from tasks.sentiment.encoding import all_tokens, first_tokens, is_supported


class SentimentModel(paddle.nn.Layer):
    """An encoder, a pooling of its tokens, dropout, and a linear classifier.

    Args:
        encoder: PaddleNLP's BERT, RoBERTa or ERNIE.
        pooling: ``cls`` for the encoder's pooled first token, or the token itself where a RoBERTa
            has no pooler; ``mean`` for the mean over tokens that are no padding, with the pooler
            frozen, since nothing reads it.
    """

    def __init__(self, encoder: paddle.nn.Layer, classes: int, dropout: float, pooling: str):
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.in_fewer_operations = is_supported(encoder)
        use_processor_dropout(encoder)
        use_processor_layer_norm(encoder)
        if pooling == "mean" and encoder.pooler is not None:
            for parameter in encoder.pooler.parameters():
                parameter.stop_gradient = True
        self.head = DropoutClassifier(encoder.config.hidden_size, classes, dropout)

    def forward(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        """Logits [batch, classes] of token ids, int64 [batch, tokens], padded with the pad token."""
        return self.head(self._mean(token_ids) if self.pooling == "mean" else self._first(token_ids))

    def _first(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        encoder = self.encoder
        if not (self.in_fewer_operations and paddle.in_dynamic_mode()):
            tokens, pooled = encoder(token_ids)
            return tokens[:, 0] if pooled is None else pooled
        first = first_tokens(encoder, token_ids)
        return first if encoder.pooler is None else encoder.pooler(first.unsqueeze(1))

    def _mean(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        fewer = self.in_fewer_operations and paddle.in_dynamic_mode()
        tokens = all_tokens(self.encoder, token_ids) if fewer else self.encoder(token_ids)[0]
        real = (token_ids != self.encoder.config.pad_token_id).astype(tokens.dtype).unsqueeze(-1)
        return (tokens * real).sum(axis=1) / real.sum(axis=1)


def set_encoder_dropout(encoder: paddle.nn.Layer, rate: float) -> None:
    """Give every dropout that BERT has, the ones on attention included, one rate.

    Paddle's block has one more, behind the activation, which PaddleNLP keeps at 0 in all families:
    with it 0.1 would be another model than the published one.
    """
    blocks = [layer for layer in encoder.sublayers() if isinstance(layer, paddle.nn.TransformerEncoderLayer)]
    of_activations = {id(block.dropout) for block in blocks}
    for layer in encoder.sublayers():
        if isinstance(layer, paddle.nn.Dropout) and id(layer) not in of_activations:
            layer.p = rate
        elif isinstance(layer, paddle.nn.MultiHeadAttention):
            layer.dropout = rate


def new_encoder(model: Model, vocabulary_size: int) -> BertModel:
    """A BERT with random weights."""
    return BertModel(
        BertConfig(
            vocab_size=vocabulary_size,
            hidden_size=model.hidden_size,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            intermediate_size=4 * model.hidden_size,
            max_position_embeddings=512,
        )
    )
