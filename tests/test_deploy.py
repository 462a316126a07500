"""What is under deploy/ is valid, and says of the service what is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.cli import COMMANDS
from cds_service.settings import Settings, load_settings
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
BIN = Path(sys.executable).parent


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


ALL = [document for path in MANIFESTS for document in documents(path)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for document in ALL if document["kind"] == kind]


PODS = {
    each["kind"]: each["spec"]["template"]["spec"] for each in ALL if each["kind"] in ("Deployment", "Job")
}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_valid(path: Path) -> None:
    import kubernetes_validate  # takes seconds: not for every process that collects the tests

    for document in documents(path):
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_there_is_a_manifest_of_each_kind() -> None:
    kinds = {document["kind"] for document in ALL}
    wanted = "ConfigMap Deployment HorizontalPodAutoscaler Job NetworkPolicy PodDisruptionBudget Service"
    assert kinds >= set(wanted.split())
    assert "Secret" not in kinds  # by reference alone


@pytest.mark.parametrize("kind", PODS)
def test_pods_run_with_few_rights(kind: str) -> None:
    pod = PODS[kind]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("kind", PODS)
def test_secrets_come_by_reference(kind: str) -> None:
    told = {variable["name"].lower(): set(variable) for variable in PODS[kind]["containers"][0]["env"]}
    secrets = {"database_url", "redis_url", "audit_key", "store_key"} & told.keys()
    assert secrets and all(told[name] == {"name", "valueFrom"} for name in secrets)


@pytest.mark.parametrize("kind", PODS)
def test_what_is_set_exists(kind: str) -> None:
    names = {variable["name"].lower() for variable in PODS[kind]["containers"][0]["env"]}
    assert names - {"cds_settings", "pod_name"} <= set(Settings.__struct_fields__)
    command = PODS[kind]["containers"][0].get("command", ["ldn-cds", "serve"])
    assert command[1] in COMMANDS


def test_selectors_meet_the_pods() -> None:
    (deployment,) = of_kind("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels
    assert of_kind("Service")[0]["spec"]["selector"].items() <= labels
    assert of_kind("PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"].items() <= labels
    ports = {port["name"] for port in PODS["Deployment"]["containers"][0]["ports"]}
    assert of_kind("Service")[0]["spec"]["ports"][0]["targetPort"] in ports
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= PODS["Deployment"]["containers"][0].keys()


def test_the_configuration_of_the_manifests_is_read(tmp_path: Path) -> None:
    (config,) = of_kind("ConfigMap")
    for name, text in config["data"].items():
        (tmp_path / name).write_text(text)
    settings = load_settings(
        {"CDS_SETTINGS": str(tmp_path / "settings.toml"), "CLIENTS_FILE": str(tmp_path / "clients.toml")}
    )
    assert settings.public_url == "https://cds.example.org"


def test_the_compose_file_is_valid() -> None:
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_names_what_there_is(tmp_path: Path) -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    service = compose["services"]["ldn-cds"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["deploy"]["replicas"] == 2
    assert {name.lower() for name in service["environment"]} - {"cds_settings"} <= set(
        Settings.__struct_fields__
    )
    for mount in compose["services"]["nginx"]["volumes"]:
        assert (DEPLOY / mount.split(":")[0]).is_file()
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")


def test_secrets_are_made_once_and_fit(tmp_path: Path) -> None:
    command = [str(DEPLOY / "make-secrets.sh"), str(tmp_path / "secrets"), "https://cds.example.org"]
    subprocess.run(command, check=True)
    made = (tmp_path / "secrets/settings.toml").read_text()
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "secrets/settings.toml").read_text() == made
    settings = load_settings({"CDS_SETTINGS": str(tmp_path / "secrets/settings.toml")})
    assert (tmp_path / "secrets/database-password").read_text() in settings.database_url
    assert settings.audit_key and settings.store_key and settings.audit_key != settings.store_key


def test_the_image_is_built_as_hadolint_wants_it() -> None:
    done = subprocess.run(
        [str(BIN / "hadolint"), "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert os.access(DEPLOY / "make-secrets.sh", os.X_OK)
