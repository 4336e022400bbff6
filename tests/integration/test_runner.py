"""The collection on engines for larger fleets: ansible-runner, ansible-builder, and an inventory in slices."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import HostMaker

from checkout import CHECKOUT
from hosts import Host, Variables
from local_index import LocalIndex
from runner_runs import (
    EXAMPLES,
    Runner,
    build_collection,
    install_collection,
    make_private_data,
    provide_runner,
    read_totals,
)

DEFINITIONS = ("meta/execution-environment.yml", "examples/awx/execution-environment.yml")


@pytest.fixture(scope="module")
def runner() -> Runner:
    return provide_runner()


@pytest.fixture(scope="module")
def collections(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections that has this one, as it is built and installed."""
    folder = tmp_path_factory.mktemp("collection")
    install_collection(runner, build_collection(folder), folder / "collections")
    return folder / "collections"


@pytest.fixture(scope="module")
def fleet(make_host: HostMaker) -> list[Host]:
    return [make_host(), make_host()]


def declared(index: LocalIndex, path: str) -> Variables:
    index.add("hello", "1.0")
    return {"python_venvs": [{"path": path, "packages": ["hello"]}], "python_index_url": index.url}


def answers_of(fleet: list[Host], path: str) -> list[str]:
    return [host.run([f"{path}/bin/python", "-c", "import hello; hello.main()"]).stdout for host in fleet]


def test_the_collection_brings_nothing_into_an_execution_environment(runner: Runner, collections: Path) -> None:
    """By ansible-builder's own reading of the built collection."""
    done = runner.run("ansible-builder", "introspect", str(collections))
    assert done.returncode == 0, done.stderr.decode()
    assert yaml.safe_load(done.stdout) == {"python": [], "system": []}
    assert (collections / "ansible_collections/pep668/provision/meta/execution-environment.yml").is_file()


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_ansible_builder_takes_the_definition(
    runner: Runner, tmp_path: Path, definition: str, summary_lines: list[str]
) -> None:
    file = CHECKOUT / definition
    done = runner.run("ansible-builder", "create", f"--file={file}", f"--context={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    recipe = (tmp_path / "Containerfile").read_text()
    wanted = yaml.safe_load(file.read_text())
    if "images" in wanted:
        assert f'EE_BASE_IMAGE="{wanted["images"]["base_image"]["name"]}"' in recipe
        galaxy = file.parent / wanted["dependencies"]["galaxy"]
        assert (tmp_path / "_build" / "requirements.yml").read_text() == galaxy.read_text()
    summary_lines.append(
        f"NOT RUN: building the image of {definition}: that takes a registry and Galaxy; what it is built from was made"
    )


def test_ansible_runner_provides_what_is_declared(
    runner: Runner, collections: Path, fleet: list[Host], index: LocalIndex, tmp_path: Path
) -> None:
    private = make_private_data(tmp_path / "fleet", fleet, declared(index, "/srv/run"), collections)
    for ident, changes in (("first", True), ("second", False)):
        done = runner.run("ansible-runner", "run", str(private), "--playbook=provision.yml", f"--ident={ident}")
        assert done.returncode == 0, done.stdout.decode()
        totals = read_totals(private, ident)
        assert totals.keys() == {host.name for host in fleet}
        assert [bool(one.get("changed")) for one in totals.values()] == [changes] * len(fleet)
    assert answers_of(fleet, "/srv/run") == ["hello 1.0\n"] * 2


def test_a_worker_elsewhere_provides_what_was_transmitted(
    runner: Runner, collections: Path, fleet: list[Host], index: LocalIndex, tmp_path: Path
) -> None:
    """The worker has nothing but the stream: the project's own files are out of its reach while it works."""
    private = make_private_data(tmp_path / "fleet", fleet, declared(index, "/srv/worker"), collections)
    job = ("--playbook=provision.yml", "--ident=job")
    sent = runner.run("ansible-runner", "transmit", str(private), *job)
    assert sent.returncode == 0, sent.stderr.decode()

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    hidden = private.rename(tmp_path / "hidden")
    place = f"--private-data-dir={elsewhere / 'work'}"
    worked = runner.run("ansible-runner", "worker", place, folder=elsewhere, stdin=sent.stdout)
    assert worked.returncode == 0, worked.stderr.decode()
    hidden.rename(private)
    assert answers_of(fleet, "/srv/worker") == ["hello 1.0\n"] * 2
    assert not (private / "artifacts").exists()

    processed = runner.run("ansible-runner", "process", str(private), "--ident=job", stdin=worked.stdout)
    assert processed.returncode == 0, processed.stderr.decode()
    assert (private / "artifacts" / "job" / "status").read_text() == "successful"
    totals = read_totals(private, "job")
    assert {host: one["changed"] > 0 for host, one in totals.items()} == {host.name: True for host in fleet}
    assert "Bring environments and tools to what is declared" in processed.stdout.decode()


def test_the_reports_of_an_audit_in_slices_are_joined(
    runner: Runner, collections: Path, fleet: list[Host], tmp_path: Path
) -> None:
    """As AWX does it with job_slice_count: 2, a job for each part of the inventory; a stand-in for AWX."""
    for number, host in enumerate(fleet):
        private = make_private_data(tmp_path / f"slice{number}", [host], {}, collections)
        told = {"fleet_reports": str(tmp_path / "reports"), "awx_workflow_job_id": 7, "awx_job_id": 8 + number}
        (private / "env" / "extravars").write_text(json.dumps(told))
        done = runner.run("ansible-runner", "run", str(private), "--playbook=audit.yml")
        assert done.returncode == 0, done.stdout.decode()
    if shutil.which("jq") is None:
        pytest.skip("the examples join reports with jq, which is not installed")
    joining = next(line for line in (EXAMPLES / "README.md").read_text().splitlines() if line.startswith("    jq "))
    shell = ["sh", "-c", joining]
    joined_by = subprocess.run(shell, cwd=tmp_path / "reports" / "7", check=False, capture_output=True, text=True)
    assert joined_by.returncode == 0, joined_by.stderr
    joined = json.loads((tmp_path / "reports" / "7" / "audit.json").read_text())
    jsonschema.validate(joined, json.loads((CHECKOUT / "docs" / "audit_schema.json").read_text()))
    assert {one["host"]: one["status"] for one in joined["hosts"]} == {host.name: "audited" for host in fleet}
