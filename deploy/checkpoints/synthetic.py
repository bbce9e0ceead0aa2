"""Speech of synthetic voices, counted apart from people (``style`` synthetic): Festival and Flite
here, Kokoro in ``kokoro.py``.

Diphone and HMM voices are recordings of a person through a vocoder: all of them share one channel,
so that only the voice tells them apart, which recorded voices with a microphone each never teach.
The words are made up; nobody needs to understand them.
"""

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.checkpoints import kokoro, speech
from deploy.checkpoints.speech import Samples

PACKAGES = (
    "festival", "flite", "festvox-ca-ona-hts", "festvox-czech-dita", "festvox-czech-krb",
    "festvox-czech-machac", "festvox-czech-ph", "festvox-italp16k", "festvox-itapc16k",
    "festvox-kallpc16k", "festvox-kdlpc16k", "festvox-suopuhe-lj", "festvox-suopuhe-mv",
    "festvox-us-slt-hts",
)  # fmt: skip
SENTENCES = 70  # about four minutes
ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "pr", "tr", "st"]
VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o"]


def recordings(pattern: str, cache: Path) -> Iterator[tuple[str, Samples]]:
    """Name and samples of made-up sentences in the voice ``festival:NAME``, ``flite:NAME`` or
    ``kokoro:NAME``.
    """
    engine, _, name = pattern.partition(":")
    if engine == "kokoro":
        yield from kokoro.recordings(name, cache)
        return
    if shutil.which(engine) is None:
        raise RuntimeError(f"synthetic voices: apt-get install {' '.join(PACKAGES)}")
    rng = random.Random(pattern)
    sentences = [sentence(rng) for _ in range(SENTENCES)]
    with tempfile.TemporaryDirectory() as folder:
        targets = [Path(folder) / f"{number}.wav" for number in range(SENTENCES)]
        if engine == "flite":
            for text, target in zip(sentences, targets, strict=True):
                _run(["flite", "-voice", name, "-t", text, "-o", str(target)])
        else:
            said = [
                f'(utt.save.wave (SynthText "{text}") "{target}" \'riff)'
                for text, target in zip(sentences, targets, strict=True)
            ]
            _run(["festival", "--pipe"], "\n".join([f"(voice_{name})", *said]))
        for target in targets:
            yield target.name, speech.decode(target)


def sentence(rng: random.Random) -> str:
    """Five to fourteen words of one to four syllables."""
    words = [
        "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(rng.randint(1, 4)))
        + rng.choice(("", "", "n", "s"))
        for _ in range(rng.randint(5, 14))
    ]
    return " ".join(words)


def _run(command: list[str], script: str | None = None) -> None:
    subprocess.run(command, input=script, text=True, check=True, capture_output=True)
