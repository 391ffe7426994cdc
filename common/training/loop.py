"""The training loop: everything a run does that does not depend on its task.

An update is computed from the samples of one batch, shared out over the processes and, in
each, over ``accumulate`` micro-batches. Every random number is a function of the seed and of
the position in the run, so a run resumed at any update continues as if never stopped.
"""

import math
import time
from collections.abc import Sequence
from typing import Any, Optional, Protocol

import numpy as np
import paddle
from tqdm import tqdm

from common.config_fields import Loop, Optim
from common.errors import Interrupted, UserError
from common.regularization.l2_penalty import l2_penalty
from common.regularization.parameter_groups import ParameterSetting, merge_groups
from common.seeding import derive
from common.training import device as devices
from common.training.checkpoint import load_checkpoint, save_checkpoint
from common.training.loading import load_batches
from common.training.optimizer import build_optimizer, clip_gradients
from common.training.run_folder import RunFolder, write_csv
from common.training.schedule import learning_rate_factor
from common.training.stop_signals import StopSignals
from common.training.visual_log import log_row
from common.training.weight_average import WeightAverage


class Task(Protocol):
    """What a task gives to the loop.

    Attributes:
        model: the network.
        selection_metric: validation metric, greater is better, that chooses the best epoch.
        updates: of a whole run, where the task knows it; by default the configuration's
            ``train.steps`` or ``train.epochs`` decide.
        unit: name of what :meth:`items` counts.
        evaluate_first: whether there is something to evaluate before the first update.
    """

    model: paddle.nn.Layer
    selection_metric: str
    updates: Optional[int] = None
    unit: str = "items"
    evaluate_first: bool = False

    def plan(self, epoch: int) -> Sequence[np.ndarray]:
        """Indices of the samples of each update of an epoch; the same number every epoch but the last."""

    def dataset(self, epoch: int) -> paddle.io.Dataset:
        """The training samples as they look in this epoch, by index."""

    def collate(self, samples: list) -> Any:
        """One batch from several samples; its first array is the model's input."""

    def loss(self, model: paddle.nn.Layer, batch: Any) -> paddle.Tensor:
        """Mean loss over the samples of a batch."""

    def evaluate(self) -> dict[str, float]:
        """Metrics after an epoch, the validation ones named ``validation_...``.

        Called in evaluation mode.

        Raises:
            RuntimeError: a layer of the model is in training mode.
        """

    def items(self, batch: Any) -> int:
        """What throughput counts of a batch: its samples, or its tokens."""
        return len(batch[0])

    def after_epoch(self, epoch: int, run: RunFolder) -> None:
        """Whatever else is to be kept of an epoch, from 1; called like :meth:`evaluate`, after it."""


class Trainer:
    """Trains a task's model and keeps its run folder."""

    def __init__(
        self,
        task: Task,
        optim: Optim,
        train: Loop,
        settings: list[ParameterSetting],
        run: RunFolder,
        device: str,
    ):
        self.task, self.optim, self.train_config = task, optim, train
        self.settings, self.run_folder = settings, run
        self.model = devices.parallelize(task.model, device)
        self.optimizer = build_optimizer(optim, settings)
        self.average = WeightAverage(task.model, train.average_decay)
        self.scaler = paddle.amp.GradScaler(enable=train.amp == "fp16")
        self.steps_per_epoch = len(self._shares(0))
        if self.steps_per_epoch == 0:
            raise UserError(
                f"train.batch_size: found {train.batch_size} for {devices.world_size()} processes, "
                "expected at least one sample each"
            )
        self.total = task.updates or train.steps or train.epochs * self.steps_per_epoch
        self.state = {
            "step": 0,
            "loss": 0.0,
            "samples": 0,
            "items": 0,
            "seconds": 0.0,
            "best": None,
            "best_epoch": None,
            "history": [],
            "evaluations": [],
        }
        self.stop_asked = False
        self._throughput = f"{task.unit}/s"

    def run(self, resume: bool = False) -> None:
        """Train to the end, or until SIGINT or SIGTERM.

        Raises:
            Interrupted: asked to stop; the state is saved.
            UserError: the loss is no longer a finite number.
        """
        if resume and self.run_folder.last.exists():
            saved = load_checkpoint(self.run_folder.last, self.task.model, self.optimizer, self.average)
            self.state.update(saved)
            self.scaler.load_state_dict(self.state.pop("scaler"))
            if devices.rank() > 0:
                self.state.update(loss=0.0, samples=0, items=0)
            else:
                # The state may have been saved just before the disk was full.
                self._write_tables()
        with (
            StopSignals(self),
            tqdm(
                total=self.total, initial=self.state["step"], unit="update", disable=None, dynamic_ncols=True
            ) as self.progress,
        ):
            if self.task.evaluate_first and self.state["step"] == 0:
                self._evaluate_first()
            while self.state["step"] < self.total:
                self._epoch()

    def _evaluate_first(self) -> None:
        self._evaluate_between()
        if devices.rank() == 0:
            metric = f"validation_{self.task.selection_metric}"
            tqdm.write(f"before the first update  {metric} {self.state['evaluations'][-1][metric]:.4f}")

    def _epoch(self) -> None:
        epoch, done = divmod(self.state["step"], self.steps_per_epoch)
        shares = self._shares(epoch)[done : done + self.total - self.state["step"]]
        batches = load_batches(
            self.task.dataset(epoch),
            self.task.collate,
            [micro.tolist() for share in shares for micro, _ in share],
            self.train_config.workers,
        )
        started = time.perf_counter() - self.state["seconds"]
        self.model.train()
        for number, share in enumerate(shares, start=1):
            self._update(share, batches)
            self.state["seconds"] = time.perf_counter() - started
            self.progress.update()
            every = self.train_config.evaluate_every
            if every and self.state["step"] % every == 0:
                self._evaluate_between()
                started = time.perf_counter() - self.state["seconds"]
            if number < len(shares) and devices.any_process(self.stop_asked):
                self._gather_sums()
                self._stop()
        self._finish_epoch(epoch)
        if self.state["step"] < self.total and devices.any_process(self.stop_asked):
            self._stop()

    def _evaluate_between(self) -> None:
        """A row of ``evaluations.csv``; neither the run nor the choice of its best epoch depends on it."""
        if devices.rank() == 0:
            self.task.model.eval()
            with self.average.applied():
                row = {"step": self.state["step"], **self.task.evaluate()}
            self.state["evaluations"].append(row)
            self.model.train()
        devices.wait_for_all()

    def _stop(self) -> None:
        self._save_last()
        raise Interrupted(f"saved after update {self.state['step']}; continue with --resume")

    def _update(self, share: list[tuple[np.ndarray, float]], batches) -> None:
        step = self.state["step"]
        factor = learning_rate_factor(step, self.total, self.optim)
        self.optimizer.set_lr(self.optim.learning_rate * factor)
        paddle.seed(derive(self.train_config.seed, "update", step, devices.rank()))
        for number, (samples, weight) in enumerate(share, start=1):
            batch = next(batches)
            if number < len(share):
                with devices.without_synchronisation(self.model):
                    self._backward(batch, weight, len(samples))
            else:
                self._backward(batch, weight, len(samples))
        if self.optim.explicit_l2:
            # After the gradients of all processes have met, and the same in each of them.
            with devices.without_synchronisation(self.model):
                self.scaler.scale(l2_penalty(merge_groups(self.settings))).backward()
        self.scaler.unscale_(self.optimizer)
        clip_gradients(self.settings, self.optim.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.clear_grad()
        self.state["step"] = step + 1
        self.average.update(step + 1)

    def _backward(self, batch: Any, weight: float, samples: int) -> None:
        amp = self.train_config.amp
        dtype = "bfloat16" if amp == "bf16" else "float16"
        with paddle.amp.auto_cast(enable=amp != "off", dtype=dtype):
            loss = self.task.loss(self.model, batch)
        self.scaler.scale(loss * weight).backward()
        self.state["loss"] += float(loss) * samples
        self.state["samples"] += samples
        self.state["items"] += self.task.items(batch)

    def _shares(self, epoch: int) -> list[list[tuple[np.ndarray, float]]]:
        """This process's micro-batches of each update, with the factor on their mean losses.

        The factor makes the gradient of an update the mean over all its samples, whatever
        the number of processes (DataParallel averages over them) and of micro-batches. An
        update with fewer samples than processes is left out.
        """
        world, rank = devices.world_size(), devices.rank()
        shares = []
        for samples in self.task.plan(epoch):
            if len(samples) < world:
                continue
            own = np.array_split(samples, world)[rank]
            micro = [m for m in np.array_split(own, self.train_config.accumulate) if len(m)]
            shares.append([(m, len(m) * world / len(samples)) for m in micro])
        return shares

    def _gather_sums(self) -> None:
        for name in ("loss", "samples", "items"):
            self.state[name] = devices.sum_over_processes(self.state[name])

    def _finish_epoch(self, epoch: int) -> None:
        state = self.state
        self._gather_sums()
        loss = state["loss"] / state["samples"]
        if not math.isfinite(loss):
            raise UserError(
                f"epoch {epoch + 1}: training loss is {loss}; expected a finite number: "
                f"lower optim.learning_rate (now {self.optim.learning_rate:g}) or set optim.clip_norm"
            )
        if devices.rank() == 0:
            row = {"epoch": epoch + 1, "step": state["step"], "learning_rate": self.optimizer.get_lr()}
            self.task.model.eval()
            with self.average.applied():
                row.update(train_loss=loss, **self.task.evaluate())
                self._keep_best(epoch + 1, row[f"validation_{self.task.selection_metric}"])
                self.task.after_epoch(epoch + 1, self.run_folder)
            seconds = state["seconds"]
            row.update({"seconds": round(seconds, 2), self._throughput: round(state["items"] / seconds, 1)})
            state["history"].append(row)
            if self.train_config.visualdl:
                log_row(self.run_folder.path / "visualdl", row)
            self._report(row)
        state.update(loss=0.0, samples=0, items=0, seconds=0.0)
        self._save_last()
        devices.wait_for_all()

    def _keep_best(self, epoch: int, value: float) -> None:
        if self.state["best"] is None or value > self.state["best"]:
            self.state.update(best=value, best_epoch=epoch)
            save_checkpoint(self.run_folder.best, self.task.model, {"epoch": epoch, "value": value})

    def _save_last(self) -> None:
        if devices.rank() == 0:
            state = {**self.state, "scaler": _plain(self.scaler.state_dict())}
            save_checkpoint(self.run_folder.last, self.task.model, state, self.optimizer, self.average)
            self._write_tables()

    def _write_tables(self) -> None:
        if self.state["history"]:
            self.run_folder.write_history(self.state["history"])
        if self.state["evaluations"]:
            write_csv(self.run_folder.evaluations, self.state["evaluations"])

    def _report(self, row: dict[str, Any]) -> None:
        metric = f"validation_{self.task.selection_metric}"
        updates = (row["step"] - 1) % self.steps_per_epoch + 1
        left = (self.total - row["step"]) * row["seconds"] / updates
        tqdm.write(
            f"epoch {row['epoch']:3d}  update {row['step']}/{self.total}  "
            f"train_loss {row['train_loss']:.4f}  {metric} {row[metric]:.4f} "
            f"(best {self.state['best']:.4f} in epoch {self.state['best_epoch']})  "
            f"{row['seconds']:.1f} s  {row[self._throughput]:.0f} {self._throughput}  "
            f"{left / 60:.1f} min left"
        )


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in state.items()}
