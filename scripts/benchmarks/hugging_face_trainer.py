"""Train a BERT with Hugging Face's Trainer on `work.json` of benchmark.py; print its speed as JSON.

It runs in an environment of its own, with torch, transformers and accelerate, without this project.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class EpochSeconds(TrainerCallback):
    """Seconds of each epoch."""

    def __init__(self):
        self.seconds = []

    def on_epoch_begin(self, *_, **__):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, *_, **__):
        """Stop it."""
        self.seconds.append(time.perf_counter() - self.started)


def collate(samples: list[dict]) -> dict[str, torch.Tensor]:
    """Token ids, attention mask and labels, padded to the longest of the batch."""
    rows = [torch.tensor(sample["input_ids"]) for sample in samples]
    pad = torch.nn.utils.rnn.pad_sequence
    return {
        "input_ids": pad(rows, batch_first=True),
        "attention_mask": pad([torch.ones_like(row) for row in rows], batch_first=True),
        "labels": torch.tensor([sample["labels"] for sample in samples]),
    }


def main() -> None:
    """Two epochs; the second counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with work.json")
    parser.add_argument("--group-by-length", action="store_true")
    arguments = parser.parse_args()
    work = json.loads((arguments.work / "work.json").read_text(encoding="utf-8"))
    model = BertForSequenceClassification(BertConfig(vocab_size=work["vocabulary_size"], **work["model"]))
    clock = EpochSeconds()
    settings = TrainingArguments(
        output_dir=str(arguments.work / "trainer"),
        num_train_epochs=2,
        group_by_length=arguments.group_by_length,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        **work["training"],
    )
    rows = [{"input_ids": ids, "labels": label} for ids, label in zip(work["token_ids"], work["labels"])]
    Trainer(model, settings, train_dataset=rows, data_collator=collate, callbacks=[clock]).train()
    found = {
        "items_per_second": len(rows) / clock.seconds[-1],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
