"""Training with a loss scaler: scale, backward, unscale, clip, step."""

import pytest

from tests.small_runs import small_trainer


class MultiplyingScaler:
    """Multiplies by 1024 as Paddle's does on a GPU; that one is off on a processor."""

    scale_factor = 1024.0

    def __init__(self, trainer):
        self.trainer, self.largest = trainer, 0.0

    def scale(self, loss):
        return loss * self.scale_factor

    def unscale_(self, optimizer):
        for parameter in (s.parameter for s in self.trainer.settings if s.parameter.grad is not None):
            self.largest = max(self.largest, float(parameter.grad.abs().max()))
            parameter.grad = parameter.grad / self.scale_factor

    def step(self, optimizer):
        optimizer.step()

    def update(self):
        pass

    def state_dict(self):
        return {}


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
@pytest.mark.parametrize(("name", "explicit_l2"), [("momentum", False), ("momentum", True), ("adamw", False)])
def test_scaled_training_gives_the_weights_of_plain_training(
    tmp_path, name, clip_norm, explicit_l2, accumulate
):
    optim = {"name": name, "weight_decay": 0.1, "clip_norm": clip_norm, "explicit_l2": explicit_l2}
    overrides = {
        "optim": {**optim, "learning_rate": 0.1},
        "train": {"steps": 4, "accumulate": accumulate},
    }
    plain, scaled = (
        small_trainer(tmp_path / "plain", overrides),
        small_trainer(tmp_path / "scaled", overrides),
    )
    scaled.scaler = MultiplyingScaler(scaled)
    before = [s.parameter.numpy() for s in plain.settings]
    plain.run()
    scaled.run()
    assert scaled.scaler.largest > 10
    moved = [abs(s.parameter.numpy() - b).max() for s, b in zip(plain.settings, before)]
    assert max(moved) > 1e-3
    for one, other in zip(plain.settings, scaled.settings):
        # A power of two only moves the exponents of float32: nothing is rounded differently.
        assert (one.parameter.numpy() == other.parameter.numpy()).all(), one.name
