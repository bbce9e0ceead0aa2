"""The results of `make bench`: the names others rely on, and what counts as reached."""

import json
from io import StringIO

import pytest
from rich.console import Console

from tests.bench.measure import Timing, interleaved, ratio
from tests.bench.report import FIGURES, headline, limit, table

NAMES = {
    "engine_vs_reference_full",
    "engine_vs_reference_compact",
    "service_vs_engine",
    "postprocess_vs_nemo",
    "message_path_chunks_per_s",
    "message_path_vs_quixstreams",
    "rss_backlog_ratio",
    "cost_by_length",
    "scaling_2",
    "bf16",
}


def everything(value: float) -> dict[str, object]:
    parts = {figure.part: {"ratio": value, "chunks_per_s": value} for figure in FIGURES.values()}
    lengths = {"60": {"cost": 0.05, "attention": 0.3}}
    return headline({**parts, "cost_by_length": {"lengths_s": lengths}}, {"bf16": True})


def test_the_results_have_the_names_asked_for() -> None:
    found = everything(1.0)
    assert set(found) == NAMES
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(("value", "reached"), [(0.5, 1), (1000.0, len(FIGURES) - 1)])
def test_the_table_says_what_is_reached(value: float, reached: int) -> None:
    shown = StringIO()
    table(everything(value), Console(file=shown, width=200))
    assert shown.getvalue().count(" yes ") == reached
    assert shown.getvalue().count(" NO ") == len(FIGURES) - reached


def test_less_is_asked_without_bf16() -> None:
    assert limit("engine_vs_reference_full", bf16=True) == 2.5
    assert limit("engine_vs_reference_full", bf16=False) == 1.1


def test_variants_run_in_turn_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []
    variants = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    timings = interleaved(variants, 2, lambda _: None)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert len(timings["a"].wall_s) == len(timings["b"].cpu_s) == 2


def test_a_ratio_is_of_medians_with_its_spread() -> None:
    found = ratio(Timing((2.0, 4.0, 9.0), (1.0, 1.0, 1.0)), Timing((1.0, 2.0, 3.0), (2.0,) * 3))
    assert found == {"ratio": 2.0, "lowest": 2.0, "highest": 3.0, "cpu": 0.5}
