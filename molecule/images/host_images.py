#!/usr/bin/env python3
"""Images of test hosts: made where they are missing, found again by the digest of their recipe.

    molecule/images/host_images.py NAME...            hosts without Python, as distributions publish them
    molecule/images/host_images.py --python NAME...   the same with the Python a bootstrap would install

With PROVISION_REAL_IMAGES=1 published images are taken or there is an error: no stand-in, nothing put together here.

Standard output has one JSON object: ``images`` by name {image, release, kind, origin}, the ``engine`` they are in and
the ``options`` every host is to be started with (one of them lets the tests' own SSH key in). What is going on, and
what is real or a stand-in, is said on standard error. Recipes are data: recipes.toml beside this file.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bridge_address import keep_bridge_address
from container_engine import (
    HOSTS_CACHE,
    EngineUnavailable,
    engine,
    engine_name,
    host_environment,
    host_volumes,
    prepare_engine,
)

HERE = Path(__file__).resolve().parent
REPOSITORY = "localhost/pep668-provision"
# Seconds; a registry that does not answer is taken as unreachable.
PULL_TIMEOUT = 300
# Seconds in which a registry that failed is not asked again.
REGISTRY_PAUSE = 900


class BuildFailed(RuntimeError):
    """An image could not be made; the text has the last lines of what failed."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One way to come by the base of a host."""

    dress: tuple[str, ...]
    kind: str
    origin: str
    registry: str = ""
    suite: str = ""
    apt: tuple[str, ...] = ()
    packages: str = ""

    @property
    def name(self) -> str:
        return self.registry or f"Debian suite {self.suite}"


# Where other families' packages are made from Debian's: it has rpmbuild, createrepo_c and repo-add.
BUILDER = Source(
    suite="testing",
    apt=('Acquire::Check-Valid-Until "false"',),
    dress=("scripts/builder.sh",),
    kind="builder",
    origin="Debian testing",
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a host is and the ways to make it, best first."""

    name: str
    release: str
    python: str
    sources: tuple[Source, ...]
    integration: bool = False


@dataclass(frozen=True, kw_only=True)
class HostImage:
    """An image that is there."""

    image: str
    release: str
    kind: str
    origin: str

    def __str__(self) -> str:
        return f"{self.release}: {'a STAND-IN' if self.kind == 'stand-in' else self.kind}, {self.origin} ({self.image})"


def read_recipes(path: Path = HERE / "recipes.toml") -> dict[str, Recipe]:
    """The recipes of the file by name."""
    tables = tomllib.loads(path.read_text())
    return {name: read_recipe(name, table) for name, table in tables.items()}


def read_recipe(name: str, table: Mapping[str, object]) -> Recipe:
    """The recipe a table describes. Raises TypeError for a key that is unknown or missing."""
    values = dict(table)
    sources = values.pop("sources")
    if not isinstance(sources, list):
        raise TypeError(f"{name}: sources must be a list")
    made = tuple(Source(**{key: frozen(value) for key, value in source.items()}) for source in sources)
    return Recipe(name=name, sources=made, **values)  # type: ignore[arg-type]  # dataclass refuses what does not fit


def frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def digest_of(*parts: object) -> str:
    """Twelve hexadecimal digits that change with any of the parts; a Path counts with its content."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, Path) else repr(part).encode())
        total.update(b"\0")
    return total.hexdigest()[:12]


def step_digest(base: str, step: str) -> str:
    """A digest of what a step comes to: its base, its words, and every file they name, those in named folders too."""
    named = [HERE / word for word in step.split() if (HERE / word).exists()]
    files = [file for path in named for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    contents = [
        (str(file.relative_to(HERE)), str(file.readlink()) if file.is_symlink() else file.read_bytes())
        for file in files
        if file.is_symlink() or file.is_file()
    ]
    return digest_of(base, step, contents)


def base_name(source: Source) -> str:
    """The reference of what a source's host is made from."""
    return source.registry or f"{REPOSITORY}/base:{source.suite}-{digest_of(source.suite, source.apt)}"


def layers(recipe: Recipe, source: Source, *, with_python: bool) -> list[tuple[str, str]]:
    """The steps from the base to the host, each with the reference of the image it makes.

    Recipes that begin with the same steps share their images. The host's own tag tells real from stand-in.
    """
    made, base = [], f"{base_name(source)} {repository_name(source)} {source.kind} {source.origin} {recipe.release}"
    shared = f"{base_name(source)} {repository_name(source)}"
    for number, step in enumerate(source.dress, start=1):
        shared = f"{REPOSITORY}/layer:{step_digest(shared, step)}"
        base = step_digest(base, step)
        last = number == len(source.dress)
        made.append((step, f"{REPOSITORY}/{recipe.name}:{source.kind}-{base}" if last else shared))
    if with_python:
        digest = step_digest(base, recipe.python)
        made.append((recipe.python, f"{REPOSITORY}/{recipe.name}-python:{source.kind}-{digest}"))
    return made


def repository_name(source: Source) -> str:
    """The reference of the image that holds the wrapped packages of a source, empty for one without."""
    if not source.packages:
        return ""
    builder = step_digest(base_name(BUILDER), BUILDER.dress[0])
    return f"{REPOSITORY}/packages:{Path(source.packages).stem}-{step_digest(builder, wrap_step(source))}"


def wrap_step(source: Source) -> str:
    return f"scripts/wrap_packages.py {source.packages} /repository"


def usable_sources(recipe: Recipe, environment: Mapping[str, str] = os.environ) -> tuple[Source, ...]:
    """The sources that an image may be made from here, best first. Raises BuildFailed where the setting leaves none."""
    if environment.get("PROVISION_REAL_IMAGES", "") in ("", "0"):
        return recipe.sources
    published = tuple(source for source in recipe.sources if source.registry)
    if not published:
        raise BuildFailed(f"{recipe.name}: PROVISION_REAL_IMAGES is set, and its recipe has no published image")
    return published


def provide_image(recipe: Recipe, *, with_python: bool = False) -> HostImage:
    """An image of the recipe is there, made now if it was not.

    Two processes that ask for the same image at once make it once. Raises BuildFailed.
    """
    for source in usable_sources(recipe):
        image = layers(recipe, source, with_python=with_python)[-1][1]
        if image_exists(image):
            return describe(recipe, source, image)
    return build_image(recipe, with_python=with_python)


def build_image(recipe: Recipe, *, with_python: bool) -> HostImage:
    """The image has been built from the first source that works. Raises BuildFailed with each source's reason."""
    reasons = []
    for source in usable_sources(recipe):
        started = time.monotonic()
        try:
            image = dress_base(recipe, source, with_python=with_python)
        except BuildFailed as reason:
            say(f"{recipe.name}: {source.name} does not serve here: {reason}")
            reasons.append(f"{source.name}: {reason}")
            continue
        say(f"{recipe.name}: made {image} in {time.monotonic() - started:.0f} s")
        return describe(recipe, source, image)
    raise BuildFailed(f"{recipe.name}: no source works: " + "; ".join(reasons))


def dress_base(recipe: Recipe, source: Source, *, with_python: bool) -> str:
    """The base has been fetched or put together and every step taken that was not before; returns the host's image."""
    base, mounts = provide_base(source), []
    if source.packages:
        mounts = [f"--mount=type=image,source={provide_repository(source)},destination=/run/repository"]
    labels = {"kind": source.kind, "origin": source.origin, "release": recipe.release, "base": base}
    for step, image in layers(recipe, source, with_python=with_python):
        with missing(image) as is_missing:
            if is_missing:
                run_and_commit(base, step, image, labels, mounts)
        base = image
    return base


def provide_base(source: Source) -> str:
    """What the host is made from is here: the published image, or a minimal Debian. Raises BuildFailed."""
    base = base_name(source)
    if source.registry:
        pull(base)
    else:
        with missing(base) as is_missing:
            if is_missing:
                bootstrap(source, base)
    return base


def provide_repository(source: Source) -> str:
    """The image that holds the source's wrapped packages below /repository is here. Raises BuildFailed."""
    repository = repository_name(source)
    if not image_exists(repository):
        base = provide_base(BUILDER)
        builder = f"{REPOSITORY}/builder:{step_digest(base, BUILDER.dress[0])}"
        with missing(builder) as is_missing:
            if is_missing:
                run_and_commit(base, BUILDER.dress[0], builder, {}, [])
        with missing(repository) as is_missing:
            if is_missing:
                run_and_commit(builder, wrap_step(source), repository, {}, [])
    return repository


def pull(reference: str) -> None:
    """The published image is here. Raises BuildFailed.

    A registry that failed is not asked again for a while, so that a run without one waits for it once.
    """
    if image_exists(reference):
        return
    failure = HOSTS_CACHE / f"registry-{reference.partition('/')[0]}"
    if failure.is_file() and time.time() - failure.stat().st_mtime < REGISTRY_PAUSE:
        raise BuildFailed(f"{failure.read_text()} (minutes ago)")
    try:
        done = engine("pull", "--quiet", reference, check=False, timeout=PULL_TIMEOUT)
        reason = last_lines(done.stderr, 1) if done.returncode else ""
    except subprocess.TimeoutExpired:
        reason = f"the registry did not deliver within {PULL_TIMEOUT} s"
    if reason:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(reason)
        raise BuildFailed(reason)


def bootstrap(source: Source, image: str) -> None:
    """A minimal Debian of the suite has been imported as an image. Needs mmdebstrap. Raises BuildFailed."""
    say(f"putting together {source.name} with mmdebstrap")
    options = [f"--aptopt={line}" for line in source.apt]
    with tempfile.TemporaryDirectory(prefix="pep668-image-") as folder:
        archive = Path(folder) / "root.tar"
        command = ["mmdebstrap", "--variant=minbase", "--include=ca-certificates", *options, source.suite, str(archive)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        except FileNotFoundError:
            raise BuildFailed("mmdebstrap is not installed (Debian: apt-get install mmdebstrap)") from None
        if done.returncode:
            raise BuildFailed(last_lines(done.stderr, 4))
        imported = engine("import", str(archive), image, check=False)
        if imported.returncode:
            raise BuildFailed(last_lines(imported.stderr, 2))


def run_and_commit(base: str, step: str, image: str, labels: Mapping[str, str], mounts: Sequence[str]) -> None:
    """The step's script has run in a container of the base, and the outcome is the image. Raises BuildFailed."""
    say(f"{image.rpartition('/')[2].partition(':')[0]}: running {step} on {base}")
    container = f"pep668-build-{digest_of(image)}-{os.getpid()}"
    # What the image takes from this machine is given to the script alone, so that it stays out of the image.
    environment = [f"--env={name}={value}" for name, value in host_environment().items()]
    volumes = [f"--volume={volume}" for volume in (*host_volumes(), f"{HERE}:/run/images:ro")]
    try:
        options = (*volumes, *mounts, "--workdir=/")
        started = engine("run", "--detach", "--name", container, *options, base, "sleep", "infinity", check=False)
        if started.returncode:
            raise BuildFailed(last_lines(started.stderr, 2))
        keep_bridge_address()
        # Each script names its own interpreter.
        done = engine("exec", *environment, "--workdir=/run/images", container, *step.split(), check=False)
        if done.returncode:
            raise BuildFailed(f"{step} ended with {done.returncode}: {last_lines(done.stdout + done.stderr, 6)}")
        changes = [f"--change=LABEL org.pep668.provision.{key}={json.dumps(text)}" for key, text in labels.items()]
        changes += ['--change=CMD ["/usr/sbin/sshd", "-D", "-e"]']
        committed = engine("commit", *changes, container, image, check=False)
        if committed.returncode:
            raise BuildFailed(last_lines(committed.stderr, 2))
    finally:
        # Ended first: its process does not heed a request to stop, which podman waits for.
        engine("kill", container, check=False)
        engine("rm", "--force", "--volumes", container, check=False)


def run_options(volumes: Sequence[str]) -> list[str]:
    """The options of the engine's "run" by which a container has what this machine hands on, and the volumes."""
    environment = [f"--env={name}={value}" for name, value in host_environment().items()]
    return [*environment, *(f"--volume={volume}" for volume in volumes)]


def image_exists(reference: str) -> bool:
    return engine("image", "inspect", reference, check=False).returncode == 0


def describe(recipe: Recipe, source: Source, image: str) -> HostImage:
    return HostImage(image=image, release=recipe.release, kind=source.kind, origin=source.origin)


@contextmanager
def missing(image: str) -> Iterator[bool]:
    """Whether the image has to be made; no other process makes it meanwhile."""
    with locked(image.rpartition("/")[2].replace(":", "-")):
        yield not image_exists(image)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """No other process does the same meanwhile; the lock dies with the process."""
    HOSTS_CACHE.mkdir(parents=True, exist_ok=True)
    with (HOSTS_CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ssh_key() -> Path:
    """A key that opens test hosts and nothing else."""
    key = HOSTS_CACHE / "test_key"
    with locked(key.name):
        if not key.is_file():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def last_lines(text: str, count: int) -> str:
    return " | ".join(text.strip().splitlines()[-count:])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """The images asked for are there and described on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = read_recipes()
    parser.add_argument("names", nargs="+", choices=sorted(recipes), metavar="NAME", help=", ".join(sorted(recipes)))
    parser.add_argument("--python", action="store_true", help="with the Python a bootstrap would install")
    options = parser.parse_args(arguments)
    try:
        prepare_engine()
        images = {name: provide_image(recipes[name], with_python=options.python) for name in options.names}
    except (EngineUnavailable, BuildFailed) as reason:
        say(f"error: {reason}")
        return 1
    for image in images.values():
        say(str(image))
    described = {name: asdict(image) for name, image in images.items()}
    key = f"{ssh_key()}.pub:/root/.ssh/authorized_keys:ro"
    settings = {"engine": engine_name(), "options": run_options([*host_volumes(), key])}
    print(json.dumps({"images": described, **settings}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
