"""The placement check: clean networks are clean, and each planted fault is found once."""

import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddle.vision import models as vision
from paddlenlp import transformers

from common.regularization.dropout import BlockDropout
from common.regularization.placement import check_placement, faults
from tasks.pcb.config import Model
from tasks.pcb.model import YOLOv3

ANCHORS = [[10 * i, 10 * i] for i in range(1, 10)]
PICTURE = [2, 3, 64, 64]


class Functional(nn.Layer):
    """Applies a function, as a layer that calls ``F.dropout`` itself."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function = function
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(self.function(x))


class RawDetectionDropout(nn.Layer):
    """Dropout where the article puts it: behind the head."""

    def __init__(self):
        super().__init__()
        self.detector = YOLOv3(Model(dropout=0.3), ANCHORS, 6)
        self.dropout = nn.Dropout(0.3)

    def forward(self, images):
        return [self.dropout(output) for output in self.detector(images)]


def encoder(name: str) -> nn.Layer:
    config = getattr(transformers, f"{name}Config")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = getattr(transformers, f"{name}ForSequenceClassification")
    return model(config(vocab_size=50, num_labels=2, **sizes))


CLEAN = {
    **{name: (lambda name=name: encoder(name), None) for name in ("Bert", "Ernie", "Roberta")},
    "VGG16": (lambda: vision.vgg16(num_classes=10), PICTURE),
    "MobileNetV3": (lambda: vision.mobilenet_v3_small(num_classes=10), PICTURE),
    "YOLOv3": (lambda: YOLOv3(Model(dropout=0.3), ANCHORS, 6), PICTURE),
}


@pytest.mark.parametrize("name", CLEAN)
def test_published_networks_are_clean_and_left_as_they_were(name):
    build, shape = CLEAN[name]
    model = build()
    model.eval()
    inputs = paddle.rand(shape) if shape else paddle.randint(1, 50, [2, 8])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    dropout = F.dropout
    assert check_placement(model, inputs) == []
    assert F.dropout is dropout and not any(layer.training for layer in model.sublayers(True))
    assert all((model.state_dict()[key] == value).all() for key, value in before.items())


T5 = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "bos_token_id": 0}
XLNET = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}
# Layers of what information is expected for.
FOREIGN = {
    "T5Model": (lambda ids: {"decoder_input_ids": ids}, ["decoder.dropout"]),
    "T5EncoderModel": (lambda ids: {}, ["encoder.dropout"]),
    "T5ForConditionalGeneration": (lambda ids: {"labels": ids}, []),
    "XLNetModel": (lambda ids: {}, ["dropout"]),
    "XLNetForSequenceClassification": (lambda ids: {}, []),
}


class Called(nn.Layer):
    """A model that is called with further arguments."""

    def __init__(self, model: nn.Layer, **arguments):
        super().__init__()
        self.model, self.arguments = model, arguments

    def forward(self, ids):
        return self.model(ids, **self.arguments)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_model_without_a_head_may_end_in_dropout_behind_its_normalisation(name):
    arguments, layers = FOREIGN[name]
    family, sizes = ("T5", T5) if name.startswith("T5") else ("XLNet", XLNET)
    config = getattr(transformers, f"{family}Config")(vocab_size=50, **sizes)
    ids = paddle.randint(1, 50, [2, 8])
    found = check_placement(Called(getattr(transformers, name)(config), **arguments(ids)), ids)
    assert [(finding.severity, finding.layer) for finding in found] == [
        ("information", f"model.{layer}") for layer in layers
    ]
    assert all(finding.reason == "dropout on features at the model's end" for finding in found)


@pytest.mark.parametrize("returned", ["output_hidden_states", "output_attentions"])
def test_values_on_the_way_may_be_returned_too(returned):
    model = Called(encoder("Bert"), **{returned: True})
    assert len(list(model(paddle.randint(1, 50, [2, 8])))) == 2
    assert check_placement(model, paddle.randint(1, 50, [2, 8])) == []


@pytest.mark.parametrize("end", [lambda: [], lambda: [nn.Sigmoid()]])
def test_dropout_on_predictions_is_a_fault_though_a_normalisation_stands_further_up(end):
    model = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 2), nn.Dropout(0.3), *end())
    found = faults(check_placement(model, paddle.rand([4, 8])))
    assert [(f.layer, f.reason) for f in found] == [("3", "dropout on the model's raw output")]


PLANTED = {
    "rate of a layer": (
        lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.8), nn.Linear(8, 2)),
        [4, 8],
        "2",
        "rate 0.8 is above 0.7",
    ),
    "rate of a function": (
        lambda: nn.Sequential(nn.Linear(8, 8), Functional(lambda x: F.dropout(x, 0.9), nn.Linear(8, 2))),
        [4, 8],
        "1",
        "rate 0.9 is above 0.7",
    ),
    "batch normalisation": (
        lambda: nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.3), nn.BatchNorm1D(8), nn.Linear(8, 2)),
        [4, 8],
        "1",
        "reaches a batch normalisation",
    ),
    "batch normalisation behind an activation and a sum": (
        lambda: nn.Sequential(
            nn.Conv2D(3, 4, 3),
            nn.Dropout2D(0.3),
            Functional(lambda x: F.relu(x) + 1.0, nn.BatchNorm2D(4)),
            nn.Conv2D(4, 2, 3),
        ),
        [2, 3, 9, 9],
        "1",
        "reaches a batch normalisation",
    ),
    "pooling": (
        lambda: nn.Sequential(
            nn.Conv2D(3, 4, 3), nn.Dropout(0.3), nn.ReLU(), nn.MaxPool2D(2), nn.Conv2D(4, 2, 3)
        ),
        [2, 3, 12, 12],
        "1",
        "reaches a pooling",
    ),
    "input": (
        lambda: nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 2)),
        [4, 8],
        "0",
        "on the model's input",
    ),
    "input, scaled, by a function": (
        lambda: Functional(lambda x: F.dropout(x / 255.0, 0.2), nn.Linear(8, 2)),
        [4, 8],
        "",
        "on the model's input",
    ),
    "raw detection outputs": (RawDetectionDropout, PICTURE, "dropout", "on the model's raw output"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_fault_is_found_once_with_layer_reason_and_remedy(name):
    build, shape, layer, reason = PLANTED[name]
    found = faults(check_placement(build(), paddle.rand(shape)))
    assert len({(finding.layer, finding.reason) for finding in found}) == len(found) == 1
    assert found[0].layer == layer and reason in found[0].reason and found[0].remedy


def test_a_residual_sum_in_front_of_layer_normalisation_is_clean():
    assert (
        faults(check_placement(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3), paddle.rand([2, 5, 8])))
        == []
    )


def test_a_head_without_dropout_is_information_not_a_fault():
    found = check_placement(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)), paddle.rand([4, 8]))
    assert [finding.severity for finding in found] == ["information"]
    assert faults(found) == []


def test_dropout_on_embeddings_is_clean():
    model = nn.Sequential(nn.Embedding(9, 8), nn.Dropout(0.1), nn.Linear(8, 2))
    assert faults(check_placement(model, paddle.randint(0, 9, [2, 5]))) == []


def root_mean_square(x):
    return x * paddle.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6)


def normalised(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / paddle.sqrt((centred**2).mean(-1, keepdim=True) + 1e-6)


@pytest.mark.parametrize("function", [root_mean_square, normalised])
def test_a_normalisation_over_the_features_written_by_hand_is_no_pooling(function):
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), Functional(function, nn.Linear(8, 2)))
    assert faults(check_placement(model, paddle.rand([4, 8]))) == []


@pytest.mark.parametrize("function", [root_mean_square, normalised])
def test_a_normalisation_written_by_hand_ends_what_dropout_did(function):
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), Functional(function))
    assert faults(check_placement(model, paddle.rand([4, 8]))) == []
    without = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), Functional(lambda x: x * 2.0))
    assert len(faults(check_placement(without, paddle.rand([4, 8])))) == 1


def test_a_mean_over_the_batch_that_a_model_returns_is_no_pooling():
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), nn.Linear(8, 2), Functional(lambda x: x.mean()))
    assert faults(check_placement(model, paddle.rand([4, 8]))) == []


POOLINGS = {
    "mean": lambda x: x.mean([2, 3]),
    "sum": lambda x: x.sum([2, 3]),
    "max": lambda x: paddle.max(x, axis=[2, 3]),
    "amax": lambda x: x.amax([2, 3]),
    "mean over tokens": lambda x: x.flatten(2).transpose([0, 2, 1]).mean(axis=1),
    "lp_pool": lambda x: F.lp_pool2d(x, 2.0, 7).flatten(1),
    "fractional": lambda x: F.fractional_max_pool2d(x, 1).flatten(1),
    "adaptive": lambda x: F.adaptive_max_pool2d(x, 1).flatten(1),
}


@pytest.mark.parametrize("name", POOLINGS)
def test_dropout_in_front_of_any_pooling_is_found(name):
    model = nn.Sequential(nn.Conv2D(3, 4, 3), nn.Dropout(0.3), Functional(POOLINGS[name], nn.Linear(4, 2)))
    found = faults(check_placement(model, paddle.rand([2, 3, 9, 9])))
    assert [(finding.layer, finding.reason) for finding in found] == [("1", "dropout reaches a pooling")]


BETWEEN = {
    "maximum": lambda x: paddle.maximum(x, x * 2),
    "where": lambda x: paddle.where(x > 0, x, x * 2),
    "pow": lambda x: x**3,
    "square": paddle.square,
    "exp": paddle.exp,
    "unbind": lambda x: paddle.stack(x.unbind(1), 1),
    "add_n": lambda x: paddle.add_n([x, x]),
    "flip": lambda x: x.flip(-1),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "log_sigmoid": F.log_sigmoid,
    "thresholded_relu": F.thresholded_relu,
}


@pytest.mark.parametrize("name", BETWEEN)
def test_dropout_reaches_batch_normalisation_through_values_and_shapes(name):
    layers = [nn.Conv2D(3, 4, 3), nn.Dropout(0.3), Functional(BETWEEN[name], nn.BatchNorm2D(4))]
    found = faults(check_placement(nn.Sequential(*layers, nn.Conv2D(4, 2, 3)), paddle.rand([2, 3, 9, 9])))
    assert [(f.layer, f.reason) for f in found] == [("1", "dropout reaches a batch normalisation")]


def test_dropout_on_logits_is_found_behind_a_softmax():
    model = nn.Sequential(nn.Linear(8, 2), nn.Dropout(0.3), nn.Softmax())
    found = faults(check_placement(model, paddle.rand([4, 8])))
    assert [(f.layer, f.reason) for f in found] == [("1", "dropout on the model's raw output")]


def test_block_dropout_is_seen():
    model = nn.Sequential(nn.Conv2D(3, 4, 3), BlockDropout(0.2), nn.BatchNorm2D(4), nn.Conv2D(4, 2, 3))
    found = faults(check_placement(model, paddle.rand([2, 3, 9, 9])))
    assert [(finding.layer, finding.reason) for finding in found] == [
        ("1", "dropout reaches a batch normalisation")
    ]


@pytest.mark.parametrize(
    "off", [lambda x: F.dropout(x, 0.9, None, False), lambda x: F.dropout2d(x, 0.9, False)]
)
def test_a_function_that_is_told_not_to_train_is_no_finding(off):
    model = nn.Sequential(nn.Conv2D(3, 4, 3), Functional(off, nn.BatchNorm2D(4)), nn.Conv2D(4, 2, 3))
    assert faults(check_placement(model, paddle.rand([2, 3, 9, 9]))) == []


def test_dropout_that_is_off_is_no_finding():
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.0), nn.BatchNorm1D(8), nn.Linear(8, 2))
    assert faults(check_placement(model, paddle.rand([4, 8]))) == []
