import os
import sys
from contextlib import suppress

import pytest
import structlog

from server import logs


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_in_the_log_shows_no_local_variable(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        logs.set_up(log_format, "info")
        log = structlog.get_logger()
        secret = "a-token-that-stays-here"
        try:
            raise ValueError(len(secret))
        except ValueError:
            log.exception("failed", thread="t-1")
        sys.stderr.flush()
        printed = capsys.readouterr().err
    finally:
        structlog.reset_defaults()
    assert "ValueError" in printed
    assert "t-1" in printed
    assert "a-token-that-stays-here" not in printed.replace('secret = "a-token-that-stays-here"', "")


def test_a_log_that_nobody_reads_any_more_harms_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as nowhere:
        stream = logs.LastingStream(nowhere)
        stream.write("a line\n")
        stream.flush()
        with suppress(BrokenPipeError):
            nowhere.close()
        stream.write("another, to a closed file\n")
