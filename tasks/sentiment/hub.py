"""Encoders by name from PaddleNLP's hub or Hugging Face's; asked only for a name that the user gave."""

from pathlib import Path
from typing import Optional

from common.errors import UserError
from tasks.sentiment.encoder_folder import CONFIGS, WEIGHTS

TOKENIZER = ("vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


def fetch(name: str) -> Path:
    """Folder in the hub's cache with the encoder's files; downloaded if it is not there.

    Of several processes on a machine one downloads, and the others wait for it.

    PaddleNLP's hub is asked first. Nothing but safetensors and the texts that describe them is
    downloaded, so a name under which a hub has only pickles, as PaddleNLP's built-in ones, is
    looked for at Hugging Face.

    Raises:
        UserError: no hub has it, or none can be reached.
    """
    reasons = []
    for hub, fetch_from in {"PaddleNLP": _from_paddlenlp, "Hugging Face": _from_hugging_face}.items():
        try:
            folder = fetch_from(name)
        # Hubs and requests raise OSError for whatever goes wrong on the way, ValueError for names.
        except (OSError, ValueError) as error:
            reasons.append(f"{hub}: {' '.join(str(error).split())[:150]}")
            continue
        if (folder / WEIGHTS).is_file():
            print(f"weights of {name}: from {hub}, in {folder}")
            return folder
        reasons.append(f"{hub}: no {WEIGHTS}")
    raise UserError(
        f"model.weights: {name} is no folder, and no hub gave {WEIGHTS} ({'; '.join(reasons)}); "
        "a pickle of it has to be downloaded by hand and converted with scripts/convert_weights.py"
    )


def revision(folder: Path) -> Optional[str]:
    """Commit of a folder that :func:`fetch` gave, where the hub tells it; Hugging Face's does."""
    return folder.name if folder.parent.name == "snapshots" else None


def _from_paddlenlp(name: str) -> Path:
    from filelock import FileLock
    from paddlenlp.utils.download import bos_aistudio_hf_file_exist, resolve_file_path
    from paddlenlp.utils.env import MODEL_HOME

    folder = Path(MODEL_HOME) / name
    if (folder / WEIGHTS).is_file() or not bos_aistudio_hf_file_exist(name, WEIGHTS):
        return folder
    lock = Path(MODEL_HOME) / ".locks" / f"{name.replace('/', '--')}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        # The weights come last: where they are, the rest is.
        if not (folder / WEIGHTS).is_file():
            for file in (*CONFIGS, *TOKENIZER, WEIGHTS):
                resolve_file_path(name, [file])
    return folder


def _from_hugging_face(name: str) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, allow_patterns=["config.json", *TOKENIZER, WEIGHTS]))
