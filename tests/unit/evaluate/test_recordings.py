from pathlib import Path

import numpy as np
import pytest
import soundfile

from consumer.errors import PermanentError, Reason
from consumer.inference.results import SAMPLE_RATE
from producer_tools import rttm
from producer_tools.evaluate.answers import analyze
from producer_tools.evaluate.recordings import RecordingInMemory, pairs, speakers
from producer_tools.rttm import Turn

LINE = "SPEAKER {name} 1 {start} 1.0 <NA> <NA> {who} <NA> <NA>\n"


@pytest.fixture
def audio(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path in paths:
        soundfile.write(path, np.zeros(SAMPLE_RATE // 2, np.float32), SAMPLE_RATE)
    return paths


def test_references_lie_beside_the_audio(audio: list[Path]) -> None:
    for path in audio:
        path.with_suffix(".rttm").write_text(LINE.format(name="any", start=0, who=path.stem))
    found = pairs(audio, None)
    assert [each.name for each in found] == ["one", "two"]
    assert [speakers(each) for each in found] == [["one"], ["two"]]
    assert len(found[0].waveform()) == SAMPLE_RATE // 2


def test_references_lie_in_a_folder_or_in_one_file(audio: list[Path], tmp_path: Path) -> None:
    text = "".join(LINE.format(name=path.stem, start=0, who="Ann") for path in audio)
    whole = tmp_path / "all.rttm"
    whole.write_text(text)
    assert [len(each.turns) for each in pairs(audio, whole)] == [1, 1]
    folder = tmp_path / "rttm"
    folder.mkdir()
    for path in audio:
        (folder / f"{path.stem}.rttm").write_text(text)
    assert [each.name for each in pairs(audio, folder)] == ["one", "two"]


def test_a_name_with_white_space_is_found_as_rttm_has_it(tmp_path: Path) -> None:
    audio, whole = tmp_path / "my talk.wav", tmp_path / "all.rttm"
    soundfile.write(audio, np.zeros(SAMPLE_RATE // 2, np.float32), SAMPLE_RATE)
    whole.write_text(rttm.write([Turn(audio.stem, 0.0, 0.5, "Ann")]))
    assert [speakers(each) for each in pairs([audio], whole)] == [["Ann"]]


def test_audio_without_reference_is_named(audio: list[Path], tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"one\.wav has no reference"):
        pairs(audio, None)
    whole = tmp_path / "all.rttm"
    whole.write_text(LINE.format(name="two", start=0, who="Ann"))
    with pytest.raises(LookupError, match="nothing about who speaks in one"):
        pairs(audio, whole)


class Deaf:
    """An engine that can read nothing."""

    def analyze(self, waveforms: list[object]) -> list[PermanentError]:
        return [PermanentError(Reason.EMPTY_AUDIO, "no samples") for _ in waveforms]


def test_a_recording_that_cannot_be_analysed_is_named() -> None:
    recording = RecordingInMemory(
        "broken", (Turn("broken", 0.0, 1.0, "Ann"),), np.zeros(SAMPLE_RATE, np.float32)
    )
    with pytest.raises(ValueError, match="broken cannot be analysed"):
        analyze(Deaf(), [recording])  # type: ignore[arg-type]
