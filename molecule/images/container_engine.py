#!/usr/bin/env python3
"""How test hosts reach a container engine that works here, and what they take over from this machine.

Two facts of life are handled in one place, so that neither a test nor the product knows of them:

* Some machines forbid what podman does by default (raising resource limits, running crun). A trial run finds out, and
  a configuration file is written, beside the caches of the checkout, only where it makes the difference.
* Behind a proxy that inspects TLS a host needs the machine's certificate bundle and its proxy settings. Both are taken
  from the environment variables pip, curl and requests know.

The engine is podman. With PROVISION_ENGINE=docker images are made and Molecule scenarios run by Docker; the integration
tests and the benchmark use what podman alone has.

Run as a program it prints the shell lines that set the environment: ``eval "$(molecule/images/container_engine.py)"``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checkout import CACHE

HOSTS_CACHE = CACHE / "hosts"

# Limits below the usual defaults, and the runtime that works where crun does not.
MODEST_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=10000:10000"]
[engine]
runtime = "runc"
"""

# Where a host sees the machine's certificate bundle, and the variables that point at one. The first that is set here
# decides which file is mounted; all of them are set on the host.
HOST_CA_BUNDLE = "/etc/ssl/machine-ca-bundle.pem"
CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# Settings that mean the same on the host as here. Nothing that names a folder of this machine belongs in the list.
PASSED_VARIABLES = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_DISABLE_PIP_VERSION_CHECK", "UV_INDEX_URL", "UV_DEFAULT_INDEX"),
)


class EngineUnavailable(RuntimeError):
    """No container engine works on this machine; the text says why and what would help."""


def engine_name(environment: Mapping[str, str] = os.environ) -> str:
    """The program that makes images and runs scenarios: "podman", or "docker" where PROVISION_ENGINE says so.

    Raises EngineUnavailable for any other.
    """
    name = environment.get("PROVISION_ENGINE") or "podman"
    if name not in ("podman", "docker"):
        raise EngineUnavailable(f"PROVISION_ENGINE is podman or docker, and not {name}")
    return name


@dataclass(frozen=True)
class Trial:
    """What one attempt to run a container ended with."""

    works: bool
    reason: str


def podman(*arguments: str, check: bool = True, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Podman has run with these arguments; its outputs are captured as text.

    Raises subprocess.CalledProcessError with check, subprocess.TimeoutExpired after timeout seconds.
    """
    return _run("podman", arguments, check=check, timeout=timeout)


def engine(*arguments: str, check: bool = True, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """The chosen engine has run with these arguments, which podman and Docker both know; otherwise as podman()."""
    return _run(engine_name(), arguments, check=check, timeout=timeout)


def _run(
    program: str, arguments: Sequence[str], *, check: bool, timeout: float | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments], check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout
    )


def try_container() -> Trial:
    """A container has been started from an empty root directory, or the reason is known.

    The trial needs neither a registry nor a distribution: it runs this machine's own /usr, mounted read-only.
    """
    name = f"pep668-trial-{os.getpid()}"
    # --rootfs runs a directory as it is. "/" itself is refused, so the directories a program needs are mounted.
    root = HOSTS_CACHE / "trial-root"
    for folder in ("usr", "etc", "proc", "sys", "dev", "run", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for link in ("bin", "lib", "lib64", "sbin"):
        if not (root / link).is_symlink():
            (root / link).symlink_to(f"usr/{link}")
    done = podman(
        *("run", "--rm", "--name", name, "--volume", "/usr:/usr:ro", "--rootfs", str(root), "/usr/bin/true"),
        check=False,
        timeout=120,
    )
    lines = done.stderr.strip().splitlines()
    return Trial(done.returncode == 0, lines[-1] if lines else f"exit status {done.returncode}")


def engine_environment() -> dict[str, str]:
    """The variables that make the chosen engine work here, empty where it works as it is.

    Raises EngineUnavailable where no attempt succeeds.
    """
    if engine_name() == "docker":
        require_docker()
        return {}
    if shutil.which("podman") is None:
        raise EngineUnavailable("podman is not installed (Debian: apt-get install podman)")
    first = try_container()
    if first.works:
        return {}
    if "CONTAINERS_CONF" in os.environ:
        raise EngineUnavailable(
            f"podman run fails with CONTAINERS_CONF={os.environ['CONTAINERS_CONF']}: {first.reason}"
        )
    configuration = HOSTS_CACHE / "containers.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(MODEST_CONFIGURATION)
    os.environ["CONTAINERS_CONF"] = str(configuration)
    second = try_container()
    if second.works:
        return {"CONTAINERS_CONF": str(configuration)}
    del os.environ["CONTAINERS_CONF"]
    raise EngineUnavailable(f"podman run fails: {first.reason}; with modest limits and runc: {second.reason}")


def require_docker() -> None:
    """Docker's program has reached its server. Raises EngineUnavailable."""
    if shutil.which("docker") is None:
        raise EngineUnavailable("docker is not installed (Debian: apt-get install docker.io)")
    done = engine("version", check=False, timeout=60)
    if done.returncode:
        raise EngineUnavailable(f"docker version fails: {done.stderr.strip()}")


def prepare_engine() -> dict[str, str]:
    """This process and its children use an engine that works; returns the variables that were set.

    Raises EngineUnavailable.
    """
    variables = engine_environment()
    os.environ.update(variables)
    return variables


def host_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables a test host gets from this machine: certificates, proxies, the index."""
    passed = {
        name: environment[name]
        for name in PASSED_VARIABLES
        if environment.get(name) and not environment[name].startswith(("/", "file:"))
    }
    if ca_bundle(environment) is not None:
        passed |= dict.fromkeys(CA_VARIABLES, HOST_CA_BUNDLE)
    return passed


def ca_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The certificate bundle this machine's variables name, if one does."""
    named = (environment.get(name) for name in CA_VARIABLES)
    return next((Path(value).resolve() for value in named if value and Path(value).is_file()), None)


def host_volumes(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Volumes every test host gets, as podman's ``source:target:options``.

    /etc/environment is how an administrator gives proxy settings to logins; PAM reads it for su, sudo and sshd.
    """
    volumes = []
    bundle = ca_bundle(environment)
    if bundle is not None:
        volumes.append(f"{bundle}:{HOST_CA_BUNDLE}:ro")
    settings = HOSTS_CACHE / "environment"
    settings.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name}={value}\n" for name, value in sorted(host_environment(environment).items()))
    if not settings.is_file() or settings.read_text() != text:
        settings.write_text(text)
    volumes.append(f"{settings}:/etc/environment:ro")
    return volumes


def main(arguments: Sequence[str]) -> int:
    """The shell lines that set the engine's variables are on standard output."""
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        variables = prepare_engine()
    except EngineUnavailable as reason:
        print(f"no container engine: {reason}", file=sys.stderr)
        return 1
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
