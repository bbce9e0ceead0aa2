"""Renews `requirements.lock`, and the download sizes the set-up announces: `make lock`."""

import json
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOWEST_PYTHON = (3, 11)

PLATFORMS: Mapping[str, tuple[list[str], Mapping[str, str]]] = {
    f"Linux {machine}": (
        [f"manylinux_2_{minor}_{machine}" for minor in range(36, 4, -1)]
        + [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"],
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine},
    )
    for machine in ("x86_64", "aarch64")
} | {
    "Darwin aarch64": (
        list(mac_platforms((14, 0), "arm64")),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    )
}


def main() -> None:
    """Resolve for every platform at once; versions already locked stay where they can."""
    compile_lock(ROOT / "requirements.lock", "--generate-hashes")
    with tempfile.TemporaryDirectory() as folder:
        # The same resolution in the format that knows sizes.
        sized = Path(folder) / "pylock.toml"
        compile_lock(sized, "--format=pylock.toml", f"--constraints={ROOT / 'requirements.lock'}")
        packages = tomllib.loads(sized.read_text())["packages"]
    sizes = {name: download_size(packages, name) for name in PLATFORMS}
    (HERE / "download_sizes.json").write_text(json.dumps(sizes, indent=2) + "\n")


def compile_lock(output: Path, *options: str) -> None:
    """Run uv's resolver over pyproject.toml with all extras; no index is written down."""
    command = [str(ROOT / "build" / "setup" / "bin" / "uv"), "pip", "compile", "--quiet"]
    scope = ["--universal", "--all-extras", "--python-version=3.11"]
    plain = ["--no-emit-index-url", "--no-header", "--no-annotate", "--no-config"]
    subprocess.run(
        [*command, *scope, *plain, *options, f"--output-file={output}", "pyproject.toml"],
        cwd=ROOT,
        check=True,
    )


def download_size(packages: list[dict[str, Any]], platform: str) -> int:
    """Bytes that CPython of the lowest version downloads on `platform`."""
    names, markers = PLATFORMS[platform]
    environment = {
        **markers,
        "os_name": "posix",
        "python_version": "3.11",
        "python_full_version": "3.11.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    rank = {tag: position for position, tag in enumerate(supported_tags(names))}
    total = 0
    for package in packages:
        if "marker" in package and not Marker(package["marker"]).evaluate(environment):
            continue
        usable = []
        for wheel in package.get("wheels", []):
            name = wheel["url"].rsplit("/", 1)[1].replace("%2B", "+")
            ranks = [rank[tag] for tag in parse_wheel_filename(name)[3] if tag in rank]
            usable += [(min(ranks), wheel["size"])] if ranks else []
        total += min(usable)[1] if usable else package["sdist"]["size"]
    return total


def supported_tags(platforms: list[str]) -> Iterator[Tag]:
    """Wheel tags of the lowest Python on `platforms`, best first."""
    yield from cpython_tags(LOWEST_PYTHON, platforms=platforms)
    yield from compatible_tags(LOWEST_PYTHON, "cp311", platforms)


if __name__ == "__main__":
    main()
