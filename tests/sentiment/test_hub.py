"""Hub names, against real servers on loopback that stand for the two hubs."""

import json
import os
import subprocess
import sys
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sentiment.encoder_folders import hugging_face_folder

COMMIT = "0123456789" * 4
FETCH = """
from common.errors import UserError
from tasks.sentiment.hub import fetch, revision
for name in ("one/encoder", "two/encoder", "one/encoder"):
    print("revision:", revision(fetch(name)))
try:
    fetch("three/encoder")
except UserError as error:
    print("refused:", error)
"""


class Hub(BaseHTTPRequestHandler):
    """PaddleNLP's hub has ``one/encoder``, Hugging Face's ``two/encoder``, each with a pickle too."""

    folder: Path
    asked: list

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, whole):
        self.asked.append(f"{self.command} {self.path}")
        prefixes = ("/models/community/one/encoder/", f"/two/encoder/resolve/{COMMIT}/")
        names = [self.path[len(prefix) :] for prefix in prefixes if self.path.startswith(prefix)]
        if self.path.startswith("/api/models/two/encoder"):
            files = [{"rfilename": file.name} for file in self.folder.iterdir()]
            content = json.dumps({"id": "two/encoder", "sha": COMMIT, "siblings": files}).encode()
        elif names and (self.folder / names[0]).is_file():
            content = (self.folder / names[0]).read_bytes()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", sha256(content).hexdigest())
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if whole:
            self.wfile.write(content)

    def log_message(self, *ignored):
        pass


@pytest.fixture
def hub(tmp_path):
    """The server; ``asked`` of its handler lists the requests."""
    hugging_face_folder(tmp_path / "served", "bert")
    (tmp_path / "served/pytorch_model.bin").write_bytes(b"pickle")
    (tmp_path / "served/model_state.pdparams").write_bytes(b"pickle")
    handler = type("Served", (Hub,), {"folder": tmp_path / "served", "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def environment(tmp_path, port: int) -> dict[str, str]:
    address = f"http://127.0.0.1:{port}"
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    kept = {name: value for name, value in os.environ.items() if name not in proxies}
    homes = {"PPNLP_HOME": str(tmp_path / "paddlenlp"), "HF_HOME": str(tmp_path / "hugging_face")}
    return {**kept, **homes, "PPNLP_ENDPOINT": address, "HF_ENDPOINT": address, "PYTHONPATH": str(ROOT)}


def test_hubs_give_a_folder_without_pickles_and_once(tmp_path, hub):
    variables = environment(tmp_path, hub.server_address[1])
    done = subprocess.run([sys.executable, "-c", FETCH], capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr
    said = [row.split(": from ")[1] for row in done.stdout.splitlines() if row.startswith("weights of")]
    assert [row.split(",")[0] for row in said] == ["PaddleNLP", "Hugging Face", "PaddleNLP"]
    assert [row for row in done.stdout.splitlines() if row.startswith("revision")] == [
        f"revision: {commit}" for commit in (None, COMMIT, None)
    ]
    for row in said:
        folder = Path(row.split(", in ")[1])
        for name in ("config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"):
            assert (folder / name).read_bytes() == (tmp_path / "served" / name).read_bytes()
        assert not [file for file in folder.iterdir() if file.suffix in (".bin", ".pdparams")]
    asked = hub.RequestHandlerClass.asked
    assert not [request for request in asked if request.endswith((".bin", ".pdparams"))]
    assert asked.count("GET /models/community/one/encoder/model.safetensors") == 1
    refused = done.stdout.split("refused: ")[1]
    assert "three/encoder is no folder, and no hub gave model.safetensors (PaddleNLP: no model" in refused


def test_of_several_processes_one_downloads(tmp_path, hub):
    variables = environment(tmp_path, hub.server_address[1])
    line = [sys.executable, "-c", "from tasks.sentiment.hub import fetch; fetch('one/encoder')"]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=variables) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all("weights of one/encoder: from PaddleNLP" in printed for printed in said)
    asked = hub.RequestHandlerClass.asked
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        assert asked.count(f"GET /models/community/one/encoder/{name}") == 1


def test_without_a_network_a_hub_name_ends_in_one_line_and_soon(tmp_path, command):
    config = ["--config", "configs/quickstart/sentiment-baseline.yaml", "--run-dir", tmp_path / "run"]
    started = time.perf_counter()
    # Nobody listens at port 9.
    done = command("train.py", *config, "--model.weights", "three/encoder", **environment(tmp_path, 9))
    assert time.perf_counter() - started < 30
    assert done.returncode == 2, done.stderr
    errors = [row for row in done.stderr.splitlines() if row.startswith("error: ")]
    assert len(errors) == 1 and "three/encoder is no folder, and no hub" in errors[0]
    assert "scripts/convert_weights.py" in errors[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run/config.yaml").exists()
