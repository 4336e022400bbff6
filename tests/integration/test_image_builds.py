"""The examples of examples/images, each of which builds an image that has /opt/venv first on its PATH.

pyinfra's is held by test_pyinfra.py as well, with a container's image instead of a container.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from conftest import HostMaker

from checkout import CHECKOUT
from container_engine import host_environment, host_volumes, podman
from hosts import LABEL, CommandFailed, ansible_environment
from local_index import ON_HOST, LocalIndex
from pyinfra_runs import Pyinfra

EXAMPLES = CHECKOUT / "examples" / "images"
# Files that an image should not carry.
LEFTOVERS = """
find /var/lib/apt/lists /root/.ansible /root/.cache -type f 2>/dev/null
find / -xdev \\( -name __pycache__ -o -name .ansible \\) 2>/dev/null
"""


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    index.add("hello", "1.0", scripts=["hello"])
    return index


@pytest.fixture(scope="module")
def base(make_host: HostMaker) -> Iterator[str]:
    """The image to build on: a Debian with Python, its venv, and pip's configuration for the tests' index."""
    host = make_host()
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-venv")
    host.run("apt-get clean && rm -rf /var/lib/apt/lists/*")
    host.write("/etc/pip.conf", f"[global]\nindex-url = file://{ON_HOST}/simple\n")
    name = f"localhost/pep668-provision/test-base:{uuid.uuid4().hex[:8]}"
    podman("commit", "--quiet", host.name, name)
    yield name
    podman("rmi", "--force", name, check=False)


@pytest.fixture
def image() -> Iterator[str]:
    """A name for an image, which is gone after the test."""
    name = f"localhost/pep668-provision/test-image:{uuid.uuid4().hex[:8]}"
    yield name
    podman("rmi", "--force", name, check=False)


@pytest.fixture
def example(tmp_path: Path, stocked: LocalIndex) -> Path:
    """A copy of the examples; what they declare has another distribution in it, of the tests' index, and that index."""
    folder = Path(shutil.copytree(EXAMPLES, tmp_path / "images"))
    state = yaml.safe_load((folder / "state.yml").read_text())
    state["python_venvs"][0]["packages"] = ["hello"]
    state["python_index_url"] = stocked.url
    (folder / "state.yml").write_text(json.dumps(state))
    return folder


def run(*command: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    """The command has ended well; returns what it printed. Raises CommandFailed."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def play(folder: Path, *arguments: str) -> dict[str, int]:
    """ansible-playbook has ended well; returns how many tasks changed something, by host."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    report = run(program, *arguments, folder=folder, environment=ansible_environment())
    return {host: one["changed"] for host, one in json.loads(report[report.index("{\n") :])["stats"].items()}


def inside(image: str, *command: str, volumes: Sequence[str] = ()) -> str:
    """What a command prints that runs in a new container of the image."""
    options = [f"--volume={volume}" for volume in volumes]
    return podman("run", "--rm", f"--label={LABEL}", *options, image, *command).stdout


def judge(image: str) -> None:
    """The image has the environment first on its PATH, and nothing that only its making needed."""
    assert inside(image, "hello") == "hello 1.0\n"
    assert inside(image, "python", "-c", "import sys; print(sys.prefix)") == "/opt/venv\n"
    assert inside(image, "sh", "-c", LEFTOVERS) == ""


def test_the_role_builds_one_over_the_podman_connection(
    example: Path, base: str, image: str, stocked: LocalIndex
) -> None:
    # A container that the example starts has none of our mounts.
    text = (example / "podman.yml").read_text()
    mounted = text.replace("command: sleep infinity", f"command: sleep infinity\n        volume: {stocked.volume!r}")
    assert mounted != text
    (example / "podman.yml").write_text(mounted)
    name = image.rpartition(":")[2]
    changed = play(example, "podman.yml", f"--extra-vars=image_base={base} image_name={name}")
    try:
        podman("tag", name, image)
        assert changed[f"build-{name}"] > 0
        judge(image)
        assert podman("ps", "--all", "--quiet", f"--filter=name=build-{name}").stdout == ""
    finally:
        podman("rmi", name, check=False)


def test_the_role_puts_it_into_a_root_directory(
    example: Path, base: str, image: str, stocked: LocalIndex, tmp_path: Path
) -> None:
    """The root directory is the base's, which mmdebstrap made."""
    root = tmp_path / "root"
    mounted = podman("image", "mount", base).stdout.strip()
    try:
        subprocess.run(["cp", "--archive", mounted, str(root)], check=True)
    finally:
        podman("image", "unmount", base)
    shutil.copytree(stocked.folder, root / ON_HOST.lstrip("/"), dirs_exist_ok=True)
    first = play(example, f"--inventory={root},", "chroot.yml")
    again = play(example, f"--inventory={root},", "chroot.yml")
    # The one task that is left is the example's own: it removes what is not wanted, whether there is any or not.
    assert (first[str(root)] > 1, again[str(root)]) == (True, 1)
    shutil.rmtree(root / ON_HOST.lstrip("/"))
    archive = tmp_path / "root.tar"
    subprocess.run(["tar", "--directory", str(root), "--create", "--file", str(archive), "."], check=True)
    shutil.rmtree(root)
    podman("import", "--quiet", "--change", "ENV PATH=/opt/venv/bin:/usr/bin:/bin", str(archive), image)
    judge(image)


def test_a_containerfile_copies_it_from_the_stage_that_made_it(
    example: Path, base: str, image: str, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path
) -> None:
    stocked.mirror("ansible-core>=2.19,<2.20", python="3.13")
    stocked.add_wheel(pyinfra.wheel(tmp_path))
    volumes = [f"--volume={volume}" for volume in (*host_volumes(), stocked.volume)]
    proxies = [f"--build-arg={name}={value}" for name, value in host_environment().items() if "proxy" in name.lower()]
    options = [f"--build-arg=BASE={base}", *volumes, *proxies]
    # The first stage gets a name, by which it can be removed; the whole build then finds it made.
    stage = f"{image}-stage"
    try:
        run("podman", "build", *options, "--target=build", f"--tag={stage}", ".", folder=example)
        run("podman", "build", *options, f"--tag={image}", ".", folder=example)
    finally:
        podman("rmi", "--force", stage, check=False)
    assert inside(image, "hello") == "hello 1.0\n"
    assert inside(image, "ls", "/opt") == "venv\n"
    assert "pip" not in inside(image, "ls", "/opt/venv/bin", "/opt/venv/lib/python3.13/site-packages").split()
    assert inside(image, "sh", "-c", "find /opt/venv -name __pycache__") == ""
    # What the environment takes: one layer, in bytes.
    layers = json.loads(podman("history", "--no-trunc", "--format=json", image).stdout)
    copied = [one["size"] for one in layers if "COPY" in one["CreatedBy"] and "/opt/venv" in one["CreatedBy"]]
    assert len(copied) == 1, layers
    assert copied[0] < 1_000_000, layers


def test_pyinfra_builds_one(example: Path, base: str, image: str, stocked: LocalIndex, pyinfra: Pyinfra) -> None:
    container = f"pep668-test-build-{uuid.uuid4().hex[:8]}"
    options = ["--detach", "--name", container, f"--label={LABEL}", f"--volume={stocked.volume}"]
    podman("run", *options, base, "sleep", "infinity")
    try:
        run(
            str(pyinfra.program),
            "-y",
            f"@podman/{container}",
            "deploy.py",
            folder=example,
            environment=dict(os.environ),
        )
        podman("commit", "--quiet", "--change=ENV PATH=/opt/venv/bin:/usr/bin:/bin", container, image)
    finally:
        podman("rm", "--force", "--time=0", container, check=False)
    judge(image)
