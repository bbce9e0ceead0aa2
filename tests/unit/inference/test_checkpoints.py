import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.errors import ExitCode, FatalError
from consumer.inference import checkpoints
from consumer.inference.checkpoints import choices, resolve
from consumer.inference.postprocessing import PostProcessing


def refused(choice: str, role: checkpoints.Role = "diarizer") -> str:
    with pytest.raises(FatalError) as caught:
        resolve(choice, role)
    assert caught.value.code is ExitCode.CHECKPOINT
    return str(caught.value)


def test_choices_name_the_licences() -> None:
    listed = choices("diarizer")
    assert "nvidia/diar_sortformer_4spk-v1 - CC-BY-NC-4.0 (not for commercial use)" in listed
    assert "v2.1 - NVIDIA Open Model License (commercial use allowed)" in listed
    assert "speakerverification_en_titanet_large - CC-BY-4.0" in choices("embedder")


def test_a_file_is_taken_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "mine.nemo"
    path.write_bytes(b"weights")
    checkpoint = resolve(str(path), "diarizer")
    assert checkpoint.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (checkpoint.card.name, checkpoint.card.licence) == ("mine", None)
    assert checkpoint.card.uncertain_confidence is None


def test_a_downloaded_file_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "speakerverification_en_titanet_large.nemo"
    path.write_bytes(b"weights")
    card = resolve(str(path), "embedder").card
    assert card.name == "nvidia/speakerverification_en_titanet_large"
    assert card.same_voice_cosine == 0.4


def test_compact_is_described_by_the_card_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_COMPACT_FILES", tmp_path)
    assert "missing from this installation" in refused("compact")
    (tmp_path / "diarizer.nemo").write_bytes(b"d")
    (tmp_path / "embedder.nemo").write_bytes(b"e")
    card = {
        "diarizer": {
            "name": "compact-diarizer",
            "licence": "X",
            "uncertain_confidence": 0.7,
            "postprocessing": {"onset": 0.6},
        },
        "embedder": {"name": "compact-embedder", "licence": "Y", "same_voice_cosine": 0.55},
    }
    (tmp_path / "card.json").write_text(json.dumps(card))
    diarizer = resolve("compact", "diarizer").card
    assert diarizer.postprocessing == PostProcessing(onset=0.6)
    assert (diarizer.name, diarizer.uncertain_confidence) == ("compact-diarizer", 0.7)
    assert resolve("compact", "embedder").card.same_voice_cosine == 0.55
    (tmp_path / "card.json").write_text("{}")
    assert "card.json" in refused("compact")


def test_an_unset_choice_lists_the_choices() -> None:
    assert "compact - small" in refused("")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    assert str(tmp_path / "no.nemo") in refused(str(tmp_path / "no.nemo"))


def test_a_word_that_names_nothing_lists_the_choices() -> None:
    assert "'tiny' names no diarizer" in refused("tiny")


def test_a_hub_name_that_cannot_be_had_says_what_to_do(tmp_path: Path) -> None:
    # In a process of its own: the hub's library reads the environment once, when imported.
    script = (
        "from consumer.inference.checkpoints import resolve\n"
        "from consumer.errors import FatalError\n"
        "try: resolve('nvidia/diar_sortformer_4spk-v1', 'diarizer')\n"
        "except FatalError as error: print(error.code.name, error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith("CHECKPOINT cannot get the diarizer nvidia/diar_sortformer_4spk-v1")
    assert "copy diar_sortformer_4spk-v1.nemo here" in said


def test_a_hub_name_comes_out_of_the_local_cache(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--nvidia--speakerverification_en_titanet_large"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "speakerverification_en_titanet_large.nemo").write_bytes(b"weights")
    script = (
        "from consumer.inference.checkpoints import resolve\n"
        "c = resolve('nvidia/speakerverification_en_titanet_large', 'embedder')\n"
        "print(c.sha256, c.card.licence, c.card.same_voice_cosine)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.split() == [hashlib.sha256(b"weights").hexdigest(), "CC-BY-4.0", "0.4"]


def test_listing_and_stand_in_import_no_torch() -> None:
    script = (
        "import sys\n"
        "import consumer.inference.checkpoints, consumer.inference.options\n"
        "import consumer.inference.stand_in, consumer.inference.segments\n"
        "import producer_tools.diarize\n"
        "assert 'torch' not in sys.modules and 'nemo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
