"""The manifests: each object fits its schema, and together they say what the service needs."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import deploy
from consumer.settings import ENV_PREFIX, Settings
from tests.brokers.parts import RealParts
from tests.integration.deploy import outside

KUBERNETES = Path(deploy.__file__ or "").parent / "kubernetes"
VERSION = "1.34"
CUSTOM = {
    "ScaledObject": (outside.KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"),
    "TriggerAuthentication": (
        outside.KEDA,
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
        "v1alpha1",
    ),
    "ServiceMonitor": (
        outside.OPERATOR,
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "v1",
    ),
}
_CLOSING_S = 10  # run.py gives up on a hanging close() after this

Objects = dict[str, dict[str, Any]]


def _rendered(overlay: str, real_parts: RealParts) -> Objects:
    real_parts.need("kustomize", outside.kustomize_missing())
    rendered = outside.render(KUBERNETES / "overlays" / overlay)
    by_kind = {each["kind"]: each for each in rendered}
    assert len(by_kind) == len(rendered)
    return by_kind


@pytest.fixture(scope="module", params=["trial", "production"])
def objects(request: pytest.FixtureRequest, real_parts: RealParts) -> Objects:
    """The objects of an overlay, by kind."""
    return _rendered(request.param, real_parts)


def test_every_file_is_part_of_its_folders_kustomization() -> None:
    for folder in {path.parent for path in KUBERNETES.rglob("*.yaml")}:
        index = (folder / "kustomization.yaml").read_text()
        named = set(re.findall(r"\b([a-z]+\.yaml)\b", index))
        assert named == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}


def _validate(each: dict[str, Any]) -> None:
    if each["kind"] in CUSTOM:
        jsonschema.validate(each, outside.custom_resource(*CUSTOM[each["kind"]]))
    else:
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_every_object_fits_its_schema(objects: Objects, real_parts: RealParts) -> None:
    if CUSTOM.keys() & objects.keys():
        real_parts.need("schemas of custom resources", outside.missing())
    for each in objects.values():
        _validate(each)


def test_a_misspelt_field_would_be_seen(objects: Objects, real_parts: RealParts) -> None:
    if CUSTOM.keys() & objects.keys():
        real_parts.need("schemas of custom resources", outside.missing())
    for each in objects.values():
        if "spec" in each:
            wrong = {**each, "spec": {**each["spec"], "replica": 3}}
            with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
                _validate(wrong)


def _pod(objects: Objects) -> dict[str, Any]:
    pod: dict[str, Any] = objects["StatefulSet"]["spec"]["template"]["spec"]
    return pod


def _environment(objects: Objects) -> dict[str, str]:
    consumer = _pod(objects)["containers"][0]
    values = dict(objects["ConfigMap"]["data"])
    for entry in consumer["env"]:
        values[entry["name"]] = entry.get("value", "speakerstream-0")
    return values


def test_the_environment_makes_valid_settings(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = _environment(objects)
    unknown = {
        name
        for name in environment
        if name.removesuffix("_FILE").removeprefix(ENV_PREFIX).lower() not in Settings.model_fields
    }
    assert not unknown
    secret = tmp_path / "kafka.json"
    secret.write_text("{}")
    for name, value in environment.items():
        value = value.replace("$(SPEAKERSTREAM_INSTANCE_ID)", "speakerstream-0")
        monkeypatch.setenv(name, str(secret) if name.endswith("_FILE") else value)
    settings = Settings()  # type: ignore[call-arg]
    assert settings.kafka_consumer["group.instance.id"] == settings.instance_id
    grace = _pod(objects)["terminationGracePeriodSeconds"]
    assert grace > settings.drain_timeout_s + _CLOSING_S


def test_pods_are_confined(objects: Objects) -> None:
    pod = _pod(objects)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_selectors_find_the_pods(objects: Objects) -> None:
    labels = objects["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert labels
    selectors = [
        objects["StatefulSet"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)


def test_the_scaler_watches_the_services_own_group(real_parts: RealParts) -> None:
    objects = _rendered("production", real_parts)
    spec = objects["ScaledObject"]["spec"]
    [trigger] = spec["triggers"]
    environment = objects["ConfigMap"]["data"]
    defaults = Settings.model_fields
    assert trigger["metadata"]["bootstrapServers"] == environment["SPEAKERSTREAM_BOOTSTRAP_SERVERS"]
    assert trigger["metadata"]["consumerGroup"] == defaults["group_id"].default
    assert trigger["metadata"]["topic"] == defaults["topic_audio_chunks"].default
    assert spec["scaleTargetRef"]["name"] == objects["StatefulSet"]["metadata"]["name"]
    login = objects["TriggerAuthentication"]["metadata"]["name"]
    assert trigger["authenticationRef"]["name"] == login


def test_the_pod_gets_properties_as_json(objects: Objects) -> None:
    for name, value in _environment(objects).items():
        if name.endswith(("_KAFKA", "_KAFKA_CONSUMER", "_STORE_OPTIONS", "_PREFIXES")):
            json.loads(value)


def test_no_manifest_holds_a_secret() -> None:
    for path in KUBERNETES.rglob("*.yaml"):
        for each in yaml.safe_load_all(path.read_text()):
            assert each["kind"] != "Secret", path
