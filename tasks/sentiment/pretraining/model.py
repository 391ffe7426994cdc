"""An encoder that guesses hidden tokens."""

from pathlib import Path
from typing import Optional

import paddle
from paddle import nn
from paddlenlp.transformers import BertConfig, BertModel

from common.regularization.processor_dropout import use_processor_dropout
from common.training.affine import affine
from common.training.layer_norm import use_processor_layer_norm
from tasks.sentiment.encoding import all_tokens, some_tokens
from tasks.sentiment.pretraining.config import Config
from tasks.sentiment.weights import described_encoder, load_encoder


class MaskedLanguageHead(nn.Layer):
    """From hidden states to logits of tokens, as in BERT: a layer, GELU, normalisation, the embeddings.

    The output layer shares the word embeddings, which the encoder owns; a bias a token is its own.
    """

    def __init__(self, width: int, vocabulary: int, deviation: float, epsilon: float):
        super().__init__()
        normal = paddle.ParamAttr(initializer=nn.initializer.Normal(std=deviation))
        self.transform = nn.Linear(width, width, weight_attr=normal)
        self.layer_norm = nn.LayerNorm(width, epsilon=epsilon)
        self.bias = self.create_parameter([vocabulary], is_bias=True)

    def forward(self, hidden: paddle.Tensor, embeddings: paddle.Tensor) -> paddle.Tensor:
        """Logits [rows, vocabulary] of hidden states [rows, width] by embeddings [vocabulary, width]."""
        transformed = nn.functional.gelu(affine(hidden, self.transform.weight, self.transform.bias))
        return paddle.matmul(self.layer_norm(transformed), embeddings, transpose_y=True) + self.bias


class MaskedLanguageModel(nn.Layer):
    """PaddleNLP's BERT with the head of masked language modelling.

    The pooler, which nothing reads, is frozen.
    """

    def __init__(self, encoder: BertModel):
        super().__init__()
        self.encoder = encoder
        config = encoder.config
        for parameter in encoder.pooler.parameters():
            parameter.stop_gradient = True
        self.head = MaskedLanguageHead(
            config.hidden_size, config.vocab_size, config.initializer_range, config.layer_norm_eps
        )
        use_processor_dropout(self)
        use_processor_layer_norm(self)

    def forward(self, token_ids: paddle.Tensor, places: Optional[paddle.Tensor] = None) -> paddle.Tensor:
        """Logits [places, vocabulary] at places of the flattened token ids, int64 [batch, tokens].

        Args:
            places: int64; every token by default.
        """
        if places is None:
            hidden = all_tokens(self.encoder, token_ids).reshape(
                [token_ids.shape[0] * token_ids.shape[1], -1]
            )
        else:
            hidden = some_tokens(self.encoder, token_ids, places)
        return self.head(hidden, self.encoder.embeddings.word_embeddings.weight)


def new_model(config: Config, vocabulary: int, assets: Path, trained: bool) -> MaskedLanguageModel:
    """The model of a configuration: with random weights, or those of ``model.weights``.

    An encoder from scratch has as many positions as a piece has tokens, since the ones behind
    would stay at random values.

    Args:
        vocabulary: tokens of an encoder from scratch.
        assets: folder for the files that describe an encoder that was not made from scratch.
        trained: the weights will come from a checkpoint.
    """
    model, length = config.model, config.data.max_length
    if model.weights is None:
        sizes = {"hidden_size": model.hidden_size, "intermediate_size": 4 * model.hidden_size}
        heads = {"num_hidden_layers": model.layers, "num_attention_heads": model.heads}
        return MaskedLanguageModel(
            BertModel(BertConfig(vocab_size=vocabulary, max_position_embeddings=length, **sizes, **heads))
        )
    encoder, _ = described_encoder(assets) if trained else load_encoder(model.weights, assets, length)
    return MaskedLanguageModel(encoder)
