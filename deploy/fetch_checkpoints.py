"""Download checkpoints into HF_HOME: for the image's build and for init containers.

    python fetch_checkpoints.py DIARIZER EMBEDDER

Names as in the settings `diarizer` and `embedder`; an empty one is left out.
"""

import sys

from consumer.inference.checkpoints import Role, resolve


def main(diarizer: str, embedder: str) -> None:
    """Fetch what is named; raises FatalError for a name that leads nowhere."""
    named: dict[Role, str] = {"diarizer": diarizer, "embedder": embedder}
    for role, name in named.items():
        if name:
            found = resolve(name, role)
            print(f"{role}: {found.card.name}, sha256 {found.sha256}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
