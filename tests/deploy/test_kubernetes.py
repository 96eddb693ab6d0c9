"""What is shipped for Kubernetes, as far as it can be tried without a cluster: Dagster and dagster-k8s read the chart's values as
the chart hands them on, the launcher sends its Job to an API server (ours, which only keeps it), and every manifest is what the
API knows. The chart itself is not here: what it hands on is written out below.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from kubernetes import client

from resources.settings import PROJECT

FOLDER = PROJECT / "pipelines" / "deploy" / "kubernetes"
MANIFESTS = ("settings", "portal", "network")
IMAGE = "registry.example.org/guatecompras:TAG"
NOT_RUN = "NOT RUN on a cluster"
NOBODY = 10001

Json = dict[str, Any]


@pytest.fixture(scope="module")
def values() -> Json:
    found: Json = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def manifests() -> dict[tuple[str, str], Json]:
    texts = [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in MANIFESTS]
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


# What the chart's templates make of the values (helm/dagster/templates/helpers/instance of 1.13), by hand.


def _launcher_config(values: Json, kubeconfig: Path) -> Json:
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    return {
        # The chart's own way into the cluster is from within; here there is only this file.
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
        "job_namespace": "guatecompras",
        "image_pull_policy": given["imagePullPolicy"],
        "service_account_name": "dagster",
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [one["name"] for one in given["envConfigMaps"]],
        "env_secrets": [one["name"] for one in given["envSecrets"]],
        "volume_mounts": given["volumeMounts"],
        "volumes": given["volumes"],
        "resources": given["resources"],
        "security_context": given["securityContext"],
        "run_k8s_config": {
            "pod_spec_config": given["runK8sConfig"]["podSpecConfig"],
            "job_spec_config": given["runK8sConfig"]["jobSpecConfig"],
        },
    }


def _instance_config(values: Json, kubeconfig: Path) -> Json:
    postgres, queue = values["postgresql"], values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    database = {
        "postgres_db": {
            "username": postgres["postgresqlUsername"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": postgres["postgresqlHost"],
            "db_name": postgres["postgresqlDatabase"],
            "port": postgres["service"]["port"],
            "params": postgres["postgresqlParams"],
            "scheme": postgres["postgresqlScheme"],
        }
    }
    sensors, schedules = (values["retention"][name]["purgeAfterDays"] for name in ("sensor", "schedule"))
    return {
        "run_storage": {"module": "dagster_postgres.run_storage", "class": "PostgresRunStorage", "config": database},
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": _launcher_config(values, kubeconfig),
        },
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {"max_concurrent_runs": queue["maxConcurrentRuns"]},
        },
        "python_logs": {
            "python_log_level": values["pythonLogs"]["pythonLogLevel"],
            "managed_python_loggers": values["pythonLogs"]["managedPythonLoggers"],
        },
        "telemetry": values["telemetry"],
        "retention": {"sensor": {"purge_after_days": sensors}, "schedule": {"purge_after_days": schedules}},
    } | values["additionalInstanceConfig"]


class _Api(BaseHTTPRequestHandler):
    """As much of the API as a launcher asks for: it takes a Job, and keeps what it was sent."""

    kept: list[tuple[str, Json]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.kept.append((self.path, json.loads(body)))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[Path, list[tuple[str, Json]]]]:
    """A way into a cluster (a kubeconfig), and what was sent there."""
    kept: list[tuple[str, Json]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Api", (_Api,), {"kept": kept}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "here", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    yield path, kept
    server.shutdown()
    server.server_close()


def test_a_month_is_launched_as_a_job_of_its_own_that_may_do_little(
    values: Json, api: tuple[Path, list[tuple[str, Json]]], tmp_path: Path
) -> None:
    kubeconfig, kept = api
    config = _instance_config(values, kubeconfig)
    assert process_config(dagster_instance_config_schema(), config).success
    origin = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=ModuleCodePointer("pipelines.definitions", "defs", None),
        container_image=IMAGE,
    )
    # The database is not there; all else is the instance that the chart would make.
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump({k: v for k, v in config.items() if k != "run_storage"}))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = dg.DagsterRun(
            "month", tags={"dagster/partition": "2026-01"}, job_code_origin=JobPythonOrigin("month", origin)
        )
        instance.add_run(run)
        instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
        assert instance.run_launcher.supports_check_run_worker_health
    ((path, job),) = kept
    assert path == "/apis/batch/v1/namespaces/guatecompras/jobs"
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert job["spec"]["backoffLimit"] == 0  # Dagster runs it again, and not the cluster
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400
    _assert_may_do_little(pod, container)
    assert {one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one} == {"guatecompras"}
    assert "/var/lib/guatecompras" in {one["mountPath"] for one in container["volumeMounts"]}
    assert container["resources"]["limits"]["memory"]


def _assert_may_do_little(pod: Json, container: Json) -> None:
    """No root, no rights, nothing to write to but volumes (what the pod security standard `restricted` asks for, and more)."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == NOBODY
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    own = container["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"]["drop"] == ["ALL"]


def test_the_webserver_listens_where_nobody_in_particular_may(values: Json) -> None:
    """The chart has it listen at the service's port; its probes have a default of their own."""
    part = values["dagsterWebserver"]
    assert part["readinessProbe"]["httpGet"]["port"] == part["service"]["port"] >= 1024


@pytest.mark.parametrize("name", ["dagsterWebserver", "dagsterDaemon"])
def test_dagsters_own_pods_may_do_little_either(values: Json, name: str) -> None:
    part = values[name]
    assert part["image"] == {
        "repository": "registry.example.org/guatecompras",
        "tag": "TAG",
        "pullPolicy": "IfNotPresent",
    }
    _assert_may_do_little({"securityContext": part["podSecurityContext"]}, part)


def test_the_code_server_loads_our_definitions(values: Json) -> None:
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    option, module = deployment["dagsterApiGrpcArgs"]
    assert option == "--module-name"
    assert importlib.util.find_spec(module) is not None
    _assert_may_do_little({"securityContext": deployment["podSecurityContext"]}, deployment)


def test_every_secret_and_map_that_is_asked_for_is_declared_and_holds_no_secret(
    values: Json, manifests: dict[tuple[str, str], Json]
) -> None:
    text = json.dumps(values) + json.dumps([one for (kind, _), one in manifests.items() if kind == "Deployment"])
    asked = set(re.findall(r'"(?:envSecrets|secretRef)": \[?\{"name": "([^"]+)"', text))
    assert asked | {values["global"]["postgresqlSecretName"]} == {name for kind, name in manifests if kind == "Secret"}
    assert set(re.findall(r'"(?:envConfigMaps|configMapRef)": \[?\{"name": "([^"]+)"', text)) == {"guatecompras"}
    for (kind, _), one in manifests.items():
        if kind == "Secret":
            assert set(one["stringData"].values()) == {""}
    shown = manifests["ConfigMap", "guatecompras"]["data"]
    assert not [key for key in shown if re.search("SECRET|PASSWORD|TOKEN|ACCESS", key)]
    # A map of names and values in one place, and passwords in none.
    assert "postgresqlPassword" not in values["postgresql"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_api_knows_every_field_of_the_manifests(name: str) -> None:
    """Field by field: what the API's own model does not know is lost on the way through it."""
    api = client.ApiClient(client.Configuration())
    for one in yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")):
        group, _, version = one["apiVersion"].rpartition("/")
        model = f"{version.capitalize()}{one['kind']}"
        assert (group, one["kind"]) in {
            ("", "Namespace"),
            ("", "ConfigMap"),
            ("", "Secret"),
            ("", "Service"),
            ("apps", "Deployment"),
            ("policy", "PodDisruptionBudget"),
            ("networking.k8s.io", "NetworkPolicy"),
        }

        class Sent:
            data = json.dumps(one)

        made = api.deserialize(Sent, model)
        assert api.sanitize_for_serialization(made) == one


def test_the_portal_may_do_little_and_is_the_only_one_that_is_open(manifests: dict[tuple[str, str], Json]) -> None:
    template = manifests["Deployment", "guatecompras-portal"]["spec"]["template"]
    pod = template["spec"]
    (container,) = pod["containers"]
    _assert_may_do_little(pod, container)
    assert pod["automountServiceAccountToken"] is False
    written = {one["name"] for one in pod["volumes"] if "emptyDir" in one}
    assert {one["name"] for one in container["volumeMounts"]} == written
    labels = template["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget"):
        selector = manifests[kind, "guatecompras-portal"]["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels
    assert manifests["NetworkPolicy", "portal"]["spec"]["podSelector"]["matchLabels"] == labels
    assert manifests["NetworkPolicy", "closed-from-outside"]["spec"]["podSelector"] == {}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_puts_the_manifests_together(manifests: dict[tuple[str, str], Json]) -> None:
    told = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True)
    made = list(yaml.safe_load_all(told.stdout))
    assert {(one["kind"], one["metadata"]["name"]) for one in made} == manifests.keys()


@pytest.mark.parametrize("name", ["values", *MANIFESTS])
def test_what_was_never_run_says_so_where_it_begins(name: str) -> None:
    head = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[:12]
    assert any(NOT_RUN in line for line in head)
