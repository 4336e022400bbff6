"""Hosts to measure on: containers with a real sshd and an address of their own, gone when the benchmark ends.

with Fleet() as fleet:
    fresh = fleet.start(fleet.base)
    ...converge it...
    image = fleet.keep(fresh, "project")
    sixteen = [fleet.start(image) for _ in range(16)]
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge_address import keep_bridge_address
from container_engine import host_environment, host_volumes, podman
from host_images import HostImage, image_exists, provide_image, read_recipes
from hosts import Host

RELEASE = "debian13"
# Its value is the process that started the host, so that what a killed run left behind is told from a running one's.
LABEL = "org.pep668.provision.benchmark"
REPOSITORY = "localhost/pep668-provision/benchmark"
# Modules and operations that refresh the lists every hour look at the time of these.
APT_STAMPS = ("/var/lib/apt/lists", "/var/lib/apt/periodic/update-success-stamp")


class BenchmarkHost(Host):
    """A host whose SSH server answers at its own address."""

    def __init__(self, name: str, image: HostImage) -> None:
        super().__init__(name, image)
        shown = podman("inspect", "--format={{.State.Pid}} {{.NetworkSettings.IPAddress}}", name).stdout.split()
        self.server = int(shown[0])
        self.own_address = shown[1]

    def wait_for_ssh(self, *, seconds: float = 20) -> None:
        """Its sshd answers. Raises TimeoutError after seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with socket.create_connection((self.own_address, 22), 1) as connection:
                    if connection.recv(3) == b"SSH":
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError(f"{self}: no SSH server answers at {self.own_address}")

    def network_bytes(self) -> int:
        """Bytes that went in and out of the host so far, without its loopback interface."""
        total = 0
        for line in Path(f"/proc/{self.server}/net/dev").read_text().splitlines()[2:]:
            device, _, numbers = line.partition(":")
            if device.strip() != "lo":
                # proc_pid_net(5): the first column is bytes received, the ninth bytes sent.
                total += int(numbers.split()[0]) + int(numbers.split()[8])
        return total


class Fleet:
    """The hosts of one run of the benchmark; all are removed when the block ends, by Ctrl-C too."""

    def __init__(self) -> None:
        self.base = provide_image(read_recipes()[RELEASE], with_python=True)

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for line in podman("ps", "--all", f"--filter=label={LABEL}", "--format={{.Names}}").stdout.split():
            owner = podman("inspect", f'--format={{{{index .Config.Labels "{LABEL}"}}}}', line).stdout.strip()
            if not Path("/proc", owner).exists():
                podman("rm", "--force", "--time=0", "--volumes", line, check=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Another Ctrl-C meanwhile must not leave hosts behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.remove_all()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(self, image: HostImage) -> BenchmarkHost:
        """A new host of this image runs and root can log in."""
        name = f"pep668-benchmark-{uuid.uuid4().hex[:8]}"
        options = [f"--env={key}={value}" for key, value in host_environment().items()]
        options += [f"--volume={volume}" for volume in host_volumes()]
        label = f"--label={LABEL}={os.getpid()}"
        podman("run", "--detach", "--name", name, "--hostname", RELEASE, label, *options, image.image)
        keep_bridge_address()
        host = BenchmarkHost(name, image)
        host.authorize("root")
        # The base counts as older than an hour, as published images are: ansible.builtin.apt takes a folder that was
        # emptied just now for fresh lists. What was converged counts as converged now, for however long it is kept.
        when = "@0" if image == self.base else "now"
        host.run(["touch", "--no-create", f"--date={when}", *APT_STAMPS])
        host.wait_for_ssh()
        return host

    def image_of(self, state: str, digest: str) -> HostImage | None:
        """The image that was kept of this state, if one was."""
        reference = f"{REPOSITORY}:{state}-{digest}"
        return replace(self.base, image=reference) if image_exists(reference) else None

    def keep(self, host: Host, state: str, digest: str) -> HostImage:
        """The host as it is now is an image; earlier ones of that state are gone."""
        reference = f"{REPOSITORY}:{state}-{digest}"
        podman("commit", "--quiet", host.name, reference)
        kept = podman("images", "--format={{.Repository}}:{{.Tag}}", REPOSITORY, check=False).stdout.split()
        for other in kept:
            if other.startswith(f"{REPOSITORY}:{state}-") and other != reference:
                podman("rmi", other, check=False)
        return replace(self.base, image=reference)

    def remove(self, hosts: list[BenchmarkHost]) -> None:
        """These hosts are gone."""
        if hosts:
            podman("rm", "--force", "--time=0", "--volumes", *(host.name for host in hosts), check=False)

    def remove_all(self) -> None:
        """All hosts of this run are gone."""
        label = f"--filter=label={LABEL}={os.getpid()}"
        names = podman("ps", "--all", label, "--format={{.Names}}", check=False).stdout.split()
        if names:
            podman("rm", "--force", "--time=0", "--volumes", *names, check=False)
