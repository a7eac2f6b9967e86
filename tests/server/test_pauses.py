"""What would hold up the event loop although it does nothing: the garbage collector, and threads that compute."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from server.cli import SWITCH
from server.files.gathering import Gathering
from server.files.index import Index
from tests.support.app_server import ROOT

RUN = """
import gc, sys
from server import __main__, cli

async def look(config):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000, sys.getswitchinterval())
    return 0

cli._serve = look
sys.argv = ["threadcast", "serve"]
sys.exit(__main__.main())
"""


def test_the_program_itself_is_out_of_the_collectors_sight_and_threads_let_the_loop_go_on_soon(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, env={"CODEX_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert ran.stdout.split() == ["True", "True", str(SWITCH)], ran.stderr


def test_the_paths_of_a_search_are_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"folder{number}").mkdir()
        for each in range(50):
            (tmp_path / f"folder{number}" / f"file{each}").touch()
    gathering = Gathering([str(tmp_path)])
    before = len(gc.get_objects())
    index = Index(gathering.all())
    seen = len(gc.get_objects()) - before
    assert index.find("folder3/file7")
    assert seen < 200
