import sys

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
