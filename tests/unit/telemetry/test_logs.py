"""Log lines: no credentials, whoever wrote them."""

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.telemetry.logs import without_credentials

SECRET = "c0ffee-secret"

_PART = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=10)


@given(_PART, _PART, st.sampled_from(["https://", "http://", "HTTPS://"]))
def test_queries_are_cut_wherever_they_stand(before: str, after: str, scheme: str) -> None:
    address = f"{scheme}bucket.example/{before}.wav?X-Amz-Signature={SECRET}&n={after}"
    event = {"a": f"{before} {address} {after}", "b": {"c": [address]}, "d": 1}
    cleaned = without_credentials(None, "", event)
    assert SECRET not in repr(cleaned)
    assert cleaned["a"].startswith(before)
    assert cleaned["a"].endswith(f" {after}")
    assert f"{before}.wav" in cleaned["b"]["c"][0]
    assert cleaned["d"] == 1


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (f"https://user:{SECRET}@host/x failed", "https://host/x failed"),
        (f"proxy socks5://u:{SECRET}@host:1", "proxy socks5://host:1"),
        ("is it there? yes", "is it there? yes"),
        ("s3://bucket/odd?name.wav", "s3://bucket/odd?name.wav"),
    ],
)
def test_user_information_is_cut_and_other_text_is_left(text: str, cut: str) -> None:
    assert without_credentials(None, "", {"event": text})["event"] == cut


_PROGRAM = """
import logging, sys, structlog
from consumer.telemetry import logs
logs.configure("info", sys.argv[1])
def handle(password):
    raise ValueError("https://host/a.wav?sig=" + password)
try:
    handle("c0ffee-secret")
except ValueError:
    structlog.get_logger("ours").error("ours_failed", exc_info=True)
    logging.getLogger("library").exception("GET https://host/b.wav?sig=c0ffee-secret")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_neither_queries_nor_local_variables(form: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, form],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert run.stderr.count("ValueError: https://host/a.wav?(cut)") == 2
    assert "https://host/b.wav?(cut)" in run.stderr
    # What remains is the program's own text in a traceback's lines, which -c does not have.
    assert SECRET not in run.stderr
    if form == "json":
        lines = [json.loads(line) for line in run.stderr.splitlines()]
        assert [line["level"] for line in lines] == ["error", "error"]
        assert logging.getLevelName(lines[0]["level"].upper()) == logging.ERROR


_LINES = """
import os, sys, threading, structlog
from consumer.telemetry import logs
written = []
class Stderr:
    def write(self, text):
        written.append(text)
    def flush(self):
        pass
sys.stderr = Stderr()
logs.configure("info", "json")
log = structlog.get_logger("ours")
try:
    with logs.together():
        log.info("first")
        log.info("second", what={1})
        other = threading.Thread(target=lambda: log.info("of another thread"))
        other.start()
        other.join()
        assert len(written) == 1, written
        raise KeyError
except KeyError:
    log.info("after")
assert [text.count("\\n") for text in written] == [1, 2, 1], written
print("".join(written))
"""


def test_lines_kept_together_are_one_write_and_survive_an_exception() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LINES], capture_output=True, text=True, timeout=240, check=True
    )
    lines = [json.loads(line) for line in run.stdout.splitlines() if line]
    assert [line["event"] for line in lines] == ["of another thread", "first", "second", "after"]
    assert lines[2]["what"] == "{1}"
