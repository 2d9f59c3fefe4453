"""A local server that answers as Neuronpedia's public API does, or fails in the ways that servers fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def feature_answer(
    model: str, source: str, index: int, texts: list[list[str]], peak: int = 3
) -> dict[str, Any]:
    """A feature as ``GET /api/feature/MODEL/SOURCE/INDEX`` gives it, with the fields that its schema names."""
    place = {"modelId": model, "layer": source, "index": str(index)}
    return {
        **place, "sourceSetName": source.partition("-")[2], "maxActApprox": 12.5, "frac_nonzero": 0.0021,
        "pos_str": [" Mary", " Ann"], "pos_values": [1.5, 1.25], "neg_str": [" the"], "neg_values": [-0.5],
        "hookName": None, "freq_hist_data_bar_heights": [3, 1], "freq_hist_data_bar_values": [1.0, 2.0],
        "activations": [
            {**place, "id": str(n), "tokens": tokens, "values": [float(i == peak) for i in range(len(tokens))],
             "maxValue": 1.0, "maxValueTokenIndex": peak, "minValue": 0.0}
            for n, tokens in enumerate(texts)
        ],
        "explanations": [
            {**place, "id": "e1", "description": "names of people", "explanationModelName": "gpt-4o-mini",
             "typeName": "oai_token-act-pair", "scores": []}
        ],
    }  # fmt: skip


class NeuronpediaServer:
    """Answers by path; each is a status with a body, or a list of those that are given one after another.

    Attributes:
        requests: Paths and headers, as they came.
        delay_s: Seconds before each answer.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.delay_s, self.url = 0.0, ""

    def put(self, answer: dict[str, Any]) -> None:
        """Serve a feature at its address."""
        path = f"/api/feature/{answer['modelId']}/{answer['layer']}/{answer['index']}"
        self.answers[path] = 200, json.dumps(answer).encode()

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        found = self.answers.get(path, (404, b'{"error": "Not found."}'))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        status, body, *headers = found
        return status, body, headers[0] if headers else {}


@contextmanager
def serve_neuronpedia() -> Iterator[NeuronpediaServer]:
    """Run one on this machine within a ``with`` block."""
    served = NeuronpediaServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            time.sleep(served.delay_s)
            status, body, headers = served.answer(self.path)
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client went away

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
