"""An evaluation as tables for the terminal; rates in percent."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from producer_tools.evaluate.confidence import Confidence
from producer_tools.evaluate.errors import Errors
from producer_tools.evaluate.evaluation import Evaluation
from producer_tools.evaluate.linking import Linked
from producer_tools.evaluate.trials import Verification
from producer_tools.scoring import ErrorRate


def tables(found: Evaluation) -> Iterator[Table]:
    """One table for each kind of measure that was taken."""
    yield errors(found.diarization.errors)
    if found.diarization.confidence is not None:
        yield confidence(found.diarization.confidence)
    if found.fingerprints:
        yield fingerprints(found.fingerprints)
    if found.linking:
        yield linking(found.linking, "chunks linked by plain clustering")
        yield linking(found.linking_apart, "chunks linked as link() does")


def errors(by_speakers: dict[str, Errors], title: str = "diarization error, percent") -> Table:
    """By number of speakers, without and with a collar of 0.25 s on each side."""
    made = _table(
        title, "speakers", "files", "DER", "missed", "false alarm", "confused",
        "DER at 0.25", "JER",
    )  # fmt: skip
    for key, each in by_speakers.items():
        made.add_row(
            key,
            str(each.recordings),
            *(f"{value:.2f}" for value in percent(each.strict)),
            f"{percent(each.collared)[0]:.2f}",
            f"{100 * each.jer:.2f}",
        )
    return made


def percent(rate: ErrorRate) -> tuple[float, float, float, float]:
    """DER and its three parts, percent of the reference's speech."""
    scale = 100 / max(rate.speech_s, 1e-9)
    parts = (rate.missed_s * scale, rate.false_alarm_s * scale, rate.confusion_s * scale)
    return (sum(parts), *parts)


def confidence(found: Confidence) -> Table:
    """The reliability diagram in numbers."""
    auroc = "-" if found.auroc is None else f"{found.auroc:.3f}"
    made = _table(
        f"confidence of {found.segments} segments, {100 * found.right:.1f} % right: "
        f"AUROC {auroc}, ECE {found.ece:.3f}, area under risk-coverage {found.aurc:.3f}",
        "segments", "mean confidence", "right",
    )  # fmt: skip
    for each in found.reliability:
        made.add_row(str(each.count), f"{each.confidence:.3f}", f"{each.right:.3f}")
    return made


def fingerprints(found: dict[str, Verification], title: str = "fingerprints") -> Table:
    """Error rates by seconds of clean speech."""
    made = _table(title, "seconds", "EER %", "minDCF", "cosine at EER", "trials", "voices")
    for seconds, each in found.items():
        made.add_row(
            seconds, f"{100 * each.eer:.2f}", f"{each.min_dcf:.3f}", f"{each.cosine:.3f}",
            f"{each.trials:,}", str(each.voices),
        )  # fmt: skip
    return made


def linking(found: Sequence[Linked], title: str) -> Table:
    """One row a recording, and all of them together."""
    right = sum(each.speakers == each.voices for each in found)
    made = _table(
        f"{title}: {right} of {len(found)} with the right number of speakers",
        "recording", "speakers", "voices", "purity", "purity in time", "DER %",
    )  # fmt: skip
    for each in found:
        made.add_row(
            each.name, str(each.speakers), str(each.voices), f"{each.purity:.3f}",
            f"{each.time_purity:.3f}", f"{100 * each.der:.1f}",
        )  # fmt: skip
    return made


def _table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left")
    return made
