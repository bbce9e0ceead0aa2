"""What manifests are checked with and Python's index has not: files of Go modules, kustomize."""

import json
import os
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_TOOLS = Path(__file__).parents[3] / "build" / "tools"
_KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.6.0"
KEDA = "github.com/kedacore/keda/v2@v2.21.0"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
COMPOSE = "github.com/compose-spec/compose-go/v2@v2.16.2"


def missing() -> str | None:
    """Why files of Go modules cannot be had, None if they can."""
    return None if shutil.which("go") else "install Go"


@cache
def module_file(module: str, path: str) -> str:
    """A file of a Go module (a few MB, fetched once into Go's own cache)."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout or "{}")
    if "Zip" not in answer:  # another error may be that the module wants a newer Go: no matter
        raise AssertionError(f"go mod download {module}: {answer.get('Error', done.stderr)}")
    with zipfile.ZipFile(answer["Zip"]) as archive:
        return archive.read(f"{module}/{path}").decode()


def custom_resource(module: str, path: str, version: str) -> dict[str, Any]:
    """The schema of a custom resource; fields it does not know are errors, as in a cluster."""
    definition = yaml.safe_load(module_file(module, path))
    [found] = [v for v in definition["spec"]["versions"] if v["name"] == version]
    schema: dict[str, Any] = found["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object"}
    return _closed(schema)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    for part in (*properties.values(), schema.get("items")):
        if isinstance(part, dict):
            _closed(part)
    if properties and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


def kustomize_missing() -> str | None:
    """Why overlays cannot be rendered, None if they can."""
    return None if _kustomize() or shutil.which("go") else "install kubectl, kustomize or Go"


def _kustomize() -> list[str] | None:
    path = f"{_TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"
    if found := shutil.which("kustomize", path=path):
        return [found, "build"]
    return [found, "kustomize"] if (found := shutil.which("kubectl")) else None


def render(overlay: Path) -> list[dict[str, Any]]:
    """The objects of an overlay; builds kustomize (a minute) where neither it nor kubectl is."""
    if _kustomize() is None:
        environment = {**os.environ, "GOBIN": str(_TOOLS)}
        subprocess.run(["go", "install", _KUSTOMIZE], env=environment, check=True)
    done = subprocess.run(
        [*(_kustomize() or ()), str(overlay)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
