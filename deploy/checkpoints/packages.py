"""Fetches Debian packages that hold human voices and unpacks them; nothing is installed."""

import shutil
import subprocess
from pathlib import Path

PACKAGES = (
    "asterisk-core-sounds-en-wav",
    "asterisk-core-sounds-fr-g722",
    "asterisk-core-sounds-it-g722",
    "asterisk-core-sounds-ru-g722",
    "asterisk-prompt-es-co",
    "asterisk-prompt-fr-armelle",
    "asterisk-prompt-it-menardi-wav",
    "drascula",
    "drascula-spanish",
    "festvox-ru",
    "fillets-ng-data-cs",
    "fillets-ng-data-nl",
    "flight-of-the-amazon-queen",
    "gcin-voice",
    "klettres-data",
    "ktuberling-data",
    "tuxpaint-stamps-default",
)
SAMPLE_PACKAGES = ("asterisk-core-sounds-ru-g722", "asterisk-prompt-fr-armelle", "festvox-ru")


def unpacked(package: str, cache: Path) -> Path:
    """The folder with the package's files, downloaded and unpacked on first use.

    Raises ``RuntimeError`` where there is no apt or dpkg (any Debian or Ubuntu has both).
    """
    target = cache / "raw" / package
    if target.is_dir():
        return target
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise RuntimeError(
            "the voices come in Debian packages: run this recipe where apt-get and dpkg exist"
        )
    debs = cache / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", package], cwd=debs, check=True, capture_output=True)
    [deb] = debs.glob(f"{package}_*.deb")
    partial = target.with_name(package + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    subprocess.run(["dpkg", "-x", str(deb), str(partial)], check=True)
    partial.rename(target)
    return target
