"""Signals that ask a training to stop."""

import signal
from typing import Any


class StopSignals:
    """While active, the first SIGINT or SIGTERM asks the trainer to stop after its update.

    A second SIGINT interrupts at once.
    """

    def __init__(self, trainer: Any):
        self.trainer = trainer
        self.previous: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self.previous[number] = signal.signal(number, self._ask)

    def __exit__(self, *_) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame) -> None:
        if self.trainer.stop_asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.trainer.stop_asked = True
