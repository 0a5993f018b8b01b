"""What compose.yaml and the Kubernetes objects say is what the code is: commands, settings, versions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import integration.app
import order_router.app
import webhook_dispatcher.app
from deploy.local.jars import KAFKA_VERSION
from deploy.local.service_process import SERVICES
from shared.kafka import topics
from shared.settings import ServiceSettings

DEPLOY = Path(__file__).parents[3] / "deploy"
BASE = DEPLOY / "k8s" / "base"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SETTINGS: dict[str, type[ServiceSettings]] = {
    "integration": integration.app.Settings,
    "order-router": order_router.app.Settings,
    "webhook-dispatcher": webhook_dispatcher.app.Settings,
}
MAKE_TOPICS = ["python", "-m", topics.__name__]


def objects(folder: Path = BASE) -> list[dict[str, Any]]:
    """The Kubernetes objects of a folder."""
    return [each for file in sorted(folder.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]


def of_kind(kind: str, folder: Path = BASE) -> dict[str, Any]:
    """The objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects(folder) if each["kind"] == kind}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod template of each workload."""
    for kind in ("Deployment", "Job"):
        for name, workload in of_kind(kind).items():
            yield name, workload["spec"]["template"]["spec"]


def known(service: str) -> set[str]:
    """The environment variables a service reads."""
    fields = SETTINGS[service].model_fields.items()
    return {str(field.validation_alias or f"ORDERDOCK_{name.upper()}") for name, field in fields}


def needed(service: str) -> set[str]:
    """Those of them that it can't do without; a key ring must not be empty."""
    fields = SETTINGS[service].model_fields.items()
    names = {name for name, field in fields if field.is_required() or name == "encryption_keys"}
    return {each for each in known(service) if each.removeprefix("ORDERDOCK_").lower() in names}


def kubernetes_environment(service: str) -> set[str]:
    """The variables a service's pod gets, its secrets as in the example."""
    secret = of_kind("Secret", DEPLOY / "k8s")[service]["stringData"]
    return set(of_kind("ConfigMap")["orderdock"]["data"]) | set(secret)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_runs_and_migrates_by_its_own_command(service: str) -> None:
    deployment = of_kind("Deployment")[service]["spec"]["template"]["spec"]["containers"][0]
    job = of_kind("Job")[f"{service}-migrate"]["spec"]["template"]["spec"]["containers"][0]
    for command, act in (
        (COMPOSE["services"][service]["command"], "serve"),
        (COMPOSE["services"][f"{service}-migrate"]["command"], "migrate"),
        (deployment["command"], "serve"),
        (job["command"], "migrate"),
    ):
        assert command == [f"orderdock-{service}", act]


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_gets_every_setting_it_cannot_do_without(service: str) -> None:
    assert needed(service) <= set(COMPOSE["services"][service]["environment"])
    assert needed(service) <= kubernetes_environment(service)


def test_no_setting_is_given_that_no_service_knows() -> None:
    for service in SERVICES:
        assert set(COMPOSE["services"][service]["environment"]) <= known(service)
        assert set(of_kind("Secret", DEPLOY / "k8s")[service]["stringData"]) <= known(service)
    assert set(of_kind("ConfigMap")["orderdock"]["data"]) <= set.union(*map(known, SERVICES))


def test_the_topics_are_stated_in_the_code_only_and_made_before_a_service_starts() -> None:
    job = of_kind("Job")["topics"]["spec"]["template"]["spec"]["containers"][0]
    assert COMPOSE["services"]["topics"]["command"] == MAKE_TOPICS
    assert job["command"][:3] == MAKE_TOPICS
    assert all("topics" in COMPOSE["services"][service]["depends_on"] for service in SERVICES)
    text = "".join(file.read_text() for file in [*BASE.glob("*.yaml"), DEPLOY / "compose.yaml"])
    assert "orders.created" not in text
    assert ".dead-letter" not in text


def test_compose_runs_the_kafka_that_the_tests_run_on_and_it_takes_the_largest_message() -> None:
    kafka = COMPOSE["services"]["kafka"]
    assert kafka["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert int(kafka["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) == topics.MAX_MESSAGE_BYTES


def test_each_service_has_a_database_of_its_own() -> None:
    made = (DEPLOY / "postgres" / "databases.sql").read_text()
    for service in SERVICES:
        database = service.replace("-", "_")
        secret = of_kind("Secret", DEPLOY / "k8s")[service]["stringData"]
        assert f"CREATE DATABASE {database};" in made
        assert COMPOSE["services"][service]["environment"]["DATABASE_URL"].endswith(f"/{database}")
        assert secret["DATABASE_URL"].endswith(f"/{database}")


def test_only_the_three_apis_have_a_port_outside_and_only_on_this_machine() -> None:
    published = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
    assert set(published) == set(SERVICES)
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_every_container_of_ours_is_read_only_and_without_privileges() -> None:
    ours = [each for each in COMPOSE["services"].values() if each["image"] == "orderdock"]
    assert len(ours) == 7
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in ours)
    for name, pod in pods():
        security = pod["containers"][0]["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert security["readOnlyRootFilesystem"], name
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_given_longer_than_its_service_takes_to_drain(service: str) -> None:
    pod = of_kind("Deployment")[service]["spec"]["template"]["spec"]
    drain = SETTINGS[service].model_fields["drain_timeout"].default
    assert pod["terminationGracePeriodSeconds"] > 3 * drain


def test_the_kustomization_holds_every_file_of_the_base_and_no_secret() -> None:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    files = {file.name for file in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    assert of_kind("Secret") == {}


def test_the_page_on_running_it_tells_every_setting() -> None:
    page = (DEPLOY / "README.md").read_text()
    told = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert told == set.union(*map(known, SERVICES))
