"""Encoders with what stands on them while they are pretrained."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import numpy as np
import paddle
from paddle import nn
from paddlenlp.transformers import BertConfig, BertModel

from common.regularization.processor_dropout import use_processor_dropout
from common.training.affine import affine
from common.training.layer_norm import use_processor_layer_norm
from tasks.sentiment.encoding import all_tokens, some_tokens
from tasks.sentiment.pretraining.config import Config, Generator
from tasks.sentiment.weights import described_encoder, load_encoder

# Added to the logit of a token that must not be drawn.
NEVER = -1e9


class MaskedLanguageHead(nn.Layer):
    """From hidden states to logits of tokens, as in BERT: a layer, GELU, normalisation, the embeddings.

    The output layer shares the word embeddings, which the encoder owns; a bias a token is its own.

    Args:
        config: of the encoder.
        width: of the hidden states; the encoder's by default.
    """

    def __init__(self, config: BertConfig, width: Optional[int] = None):
        super().__init__()
        self.transform = _linear(width or config.hidden_size, config.hidden_size, config)
        self.layer_norm = nn.LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.bias = self.create_parameter([config.vocab_size], is_bias=True)

    def start_from(self, counts: np.ndarray) -> None:
        """Bias of each token: the logarithm of its share, so that learning starts at what unigrams tell.

        Args:
            counts: how often a token stands in the corpus, int [vocabulary]; none counts as half a time.
        """
        shares = np.maximum(counts, 0.5) / counts.sum()
        self.bias.set_value(np.log(shares).astype(np.float32))

    def forward(self, hidden: paddle.Tensor, embeddings: paddle.Tensor) -> paddle.Tensor:
        """Logits [rows, vocabulary] of hidden states [rows, width] by embeddings [vocabulary, width]."""
        transformed = nn.functional.gelu(affine(hidden, self.transform.weight, self.transform.bias))
        return paddle.matmul(self.layer_norm(transformed), embeddings, transpose_y=True) + self.bias


class MaskedLanguageModel(nn.Layer):
    """PaddleNLP's BERT with the head of masked language modelling; the unread pooler is frozen.

    Args:
        causal: each token sees only those before it, and itself: a GPT of BERT's blocks.
    """

    def __init__(self, encoder: BertModel, causal: bool = False):
        super().__init__()
        self.encoder, self.head, self.causal = encoder, MaskedLanguageHead(encoder.config), causal
        _prepare(self)

    def forward(self, token_ids: paddle.Tensor, places: Optional[paddle.Tensor] = None) -> paddle.Tensor:
        """Logits [places, vocabulary] at places of the flattened token ids, int64 [batch, tokens].

        Args:
            places: int64; every token by default.
        """
        if places is None:
            places = paddle.arange(token_ids.size)
        hidden = some_tokens(self.encoder, token_ids, places, self.causal)
        return self.head(hidden, self.encoder.embeddings.word_embeddings.weight)


class ReplacedTokenModel(nn.Layer):
    """PaddleNLP's BERT that tells which tokens a small generator has replaced, as in ELECTRA.

    The generator (Clark et al. 2020) is a narrow BERT on the encoder's embeddings, projected to its
    width, with the head of masked language modelling; no gradient passes what it draws.

    Args:
        ordinary: numbers of the tokens that may be drawn, int [ordinary].
    """

    def __init__(self, encoder: BertModel, generator: Generator, ordinary: np.ndarray):
        super().__init__()
        config, width = encoder.config, generator.hidden_size
        self.encoder = encoder
        self.projection = _linear(config.hidden_size, width, config)
        self.generator = _bert(1, 1, generator).encoder
        self.generator_head = MaskedLanguageHead(config, width)
        self.inner = _linear(config.hidden_size, config.hidden_size, config)
        self.head = _linear(config.hidden_size, 1, config)
        never = np.full(config.vocab_size, NEVER, np.float32)
        never[ordinary] = 0.0
        self.register_buffer("never", paddle.to_tensor(never), persistable=False)
        _prepare(self)

    def forward(
        self,
        token_ids: paddle.Tensor,
        places: Optional[paddle.Tensor] = None,
        labels: Optional[paddle.Tensor] = None,
    ) -> Any:
        """Logits [batch, tokens] that a token was replaced, of token ids, int64 [batch, tokens].

        With the ``places`` and ``labels`` of hidden tokens the generator fills these in first.

        Returns:
            The logits; or the generator's logits [places, vocabulary], the logits, and which tokens
            it has replaced, bool [batch, tokens].
        """
        if places is None:
            return self.detect(token_ids)
        guesses = self.generate(token_ids, places)
        filled = _put(token_ids, places, _draw(guesses.detach() + self.never))
        return guesses, self.detect(filled), filled != _put(token_ids, places, labels)

    def detect(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        """Logits [batch, tokens] that a token was replaced."""
        hidden = all_tokens(self.encoder, token_ids).flatten(0, 1)
        inner = nn.functional.gelu(affine(hidden, self.inner.weight, self.inner.bias))
        return affine(inner, self.head.weight, self.head.bias).reshape(token_ids.shape)

    def generate(self, token_ids: paddle.Tensor, places: paddle.Tensor) -> paddle.Tensor:
        """The generator's logits [places, vocabulary], as :meth:`MaskedLanguageModel.forward` gives them."""
        embeddings = self.encoder.embeddings
        generator = SimpleNamespace(
            embeddings=lambda input_ids: self._project(embeddings(input_ids=input_ids)),
            encoder=self.generator,
            config=self.encoder.config,
        )
        hidden = some_tokens(generator, token_ids, places)
        return self.generator_head(hidden, embeddings.word_embeddings.weight)

    def _project(self, embedded: paddle.Tensor) -> paddle.Tensor:
        return affine(embedded.flatten(0, 1), self.projection.weight, self.projection.bias)


def _draw(logits: paddle.Tensor) -> paddle.Tensor:
    """A token for each row, int64 [rows], drawn from its softmax by the inverse of its distribution."""
    sums = nn.functional.softmax(logits).cumsum(axis=1)
    below = sums <= paddle.rand([len(sums), 1]) * sums[:, -1:]
    return below.astype("int64").sum(axis=1).clip(max=logits.shape[1] - 1)


def _put(token_ids: paddle.Tensor, places: paddle.Tensor, values: paddle.Tensor) -> paddle.Tensor:
    return paddle.scatter(token_ids.flatten(), places, values).reshape(token_ids.shape)


def new_encoder(config: Config, vocabulary: int, assets: Path, trained: bool) -> BertModel:
    """The encoder of a configuration: with random weights, or those of ``model.weights``.

    One from scratch has as many positions as a piece has tokens, since others would stay at
    random values.

    Args:
        vocabulary: tokens of an encoder from scratch.
        assets: folder for the files that describe an encoder that was not made from scratch.
        trained: the weights will come from a checkpoint.
    """
    model, length = config.model, config.data.max_length
    if model.weights is None:
        return _bert(vocabulary, length, model)
    if trained:
        return described_encoder(assets)[0]
    return load_encoder(model.weights, assets, length, pooler_read=False)[0]


def _bert(vocabulary: int, positions: int, sizes: Any) -> BertModel:
    return BertModel(
        BertConfig(
            vocab_size=vocabulary,
            max_position_embeddings=positions,
            hidden_size=sizes.hidden_size,
            intermediate_size=4 * sizes.hidden_size,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
        )
    )


def _linear(inputs: int, outputs: int, config: BertConfig) -> nn.Linear:
    normal = nn.initializer.Normal(std=config.initializer_range)
    return nn.Linear(inputs, outputs, weight_attr=paddle.ParamAttr(initializer=normal))


def _prepare(model: nn.Layer) -> None:
    for parameter in model.encoder.pooler.parameters():
        parameter.stop_gradient = True
    use_processor_dropout(model)
    use_processor_layer_norm(model)
