#!/usr/bin/env python3
"""Images of test hosts: made where they are missing, found again by the digest of their recipe.

    molecule/images/host_images.py NAME...            hosts without Python, as distributions publish them
    molecule/images/host_images.py --python NAME...   the same with the Python a bootstrap would install

Standard output has one JSON object: ``images`` by name {image, release, kind, origin}, and the ``environment`` and
``volumes`` every host is to be started with. What is going on, and what is real or a stand-in, is said on standard
error. Recipes are data: recipes.toml beside this file.
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

from bridge_address import keep_bridge_address
from container_engine import HOSTS_CACHE, EngineUnavailable, host_environment, host_volumes, podman, prepare_engine

HERE = Path(__file__).resolve().parent
REPOSITORY = "localhost/pep668-provision"
# Seconds; a registry that does not answer is taken as unreachable.
PULL_TIMEOUT = 300


class BuildFailed(RuntimeError):
    """An image could not be made; the text has the last lines of what failed."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One way to come by the base of a host."""

    dress: str
    kind: str
    origin: str
    registry: str = ""
    suite: str = ""
    apt: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.registry or f"Debian suite {self.suite}"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a host is and the ways to make it, best first."""

    name: str
    release: str
    python: str
    sources: tuple[Source, ...]


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
    made = tuple(Source(**{**source, "apt": tuple(source.get("apt", ()))}) for source in sources)
    return Recipe(name=name, sources=made, **values)  # type: ignore[arg-type]  # dataclass refuses what does not fit


def digest_of(*parts: object) -> str:
    """Twelve hexadecimal digits that change with any of the parts; a Path counts with its content."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, Path) else repr(part).encode())
        total.update(b"\0")
    return total.hexdigest()[:12]


def image_name(recipe: Recipe, source: Source, *, with_python: bool) -> str:
    """The reference an image of this recipe has; its tag tells real from stand-in and carries the recipe's digest."""
    scripts = [HERE / "scripts" / source.dress]
    if with_python:
        scripts.append(HERE / "scripts" / recipe.python)
    layer = "-python" if with_python else ""
    return f"{REPOSITORY}/{recipe.name}{layer}:{source.kind}-{digest_of(source, *scripts)}"


def provide_image(recipe: Recipe, *, with_python: bool = False) -> HostImage:
    """An image of the recipe is there, made now if it was not.

    Two processes that ask for the same image at once make it once. Raises BuildFailed.
    """
    with lock(recipe.name):
        for source in recipe.sources:
            image = image_name(recipe, source, with_python=with_python)
            if image_exists(image):
                return describe(recipe, source, image)
        return build_image(recipe, with_python=with_python)


def build_image(recipe: Recipe, *, with_python: bool) -> HostImage:
    """The image has been built from the first source that works. Raises BuildFailed with each source's reason."""
    reasons = []
    for source in recipe.sources:
        started = time.monotonic()
        plain = image_name(recipe, source, with_python=False)
        try:
            if not image_exists(plain):
                dress_base(recipe, source, plain)
            image = plain
            if with_python:
                image = image_name(recipe, source, with_python=True)
                run_and_commit(plain, recipe.python, image, recipe, source)
        except BuildFailed as reason:
            say(f"{recipe.name}: {source.name} does not serve here: {reason}")
            reasons.append(f"{source.name}: {reason}")
            continue
        say(f"{recipe.name}: made {image} in {time.monotonic() - started:.0f} s")
        return describe(recipe, source, image)
    raise BuildFailed(f"{recipe.name}: no source works: " + "; ".join(reasons))


def dress_base(recipe: Recipe, source: Source, image: str) -> None:
    """The base has been fetched or put together, and dressed as a host."""
    if source.registry:
        base = source.registry
        pull(base)
    else:
        base = f"{REPOSITORY}/base:{source.suite}-{digest_of(source.suite, source.apt)}"
        if not image_exists(base):
            bootstrap(source, base)
    run_and_commit(base, source.dress, image, recipe, source)


def pull(reference: str) -> None:
    """The published image is here. Raises BuildFailed."""
    try:
        done = podman("pull", "--quiet", reference, check=False, timeout=PULL_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"the registry did not deliver within {PULL_TIMEOUT} s") from None
    if done.returncode:
        raise BuildFailed(last_lines(done.stderr, 1))


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
        imported = podman("import", "--quiet", str(archive), image, check=False)
        if imported.returncode:
            raise BuildFailed(last_lines(imported.stderr, 2))


def run_and_commit(base: str, script: str, image: str, recipe: Recipe, source: Source) -> None:
    """The script has run in a container of the base, and the outcome is the image. Raises BuildFailed."""
    say(f"{recipe.name}: running {script} on {base}")
    container = f"pep668-build-{recipe.name}-{os.getpid()}"
    # What the image takes from this machine is given to the script alone, so that it stays out of the image.
    environment = [f"--env={name}={value}" for name, value in host_environment().items()]
    volumes = [f"--volume={volume}" for volume in (*host_volumes(), f"{HERE / 'scripts'}:/run/image-scripts:ro")]
    try:
        started = podman("run", "--detach", "--name", container, *volumes, base, "sleep", "infinity", check=False)
        if started.returncode:
            raise BuildFailed(last_lines(started.stderr, 2))
        keep_bridge_address()
        done = podman("exec", *environment, container, "sh", f"/run/image-scripts/{script}", check=False)
        if done.returncode:
            raise BuildFailed(f"{script} ended with {done.returncode}: {last_lines(done.stdout + done.stderr, 6)}")
        labels = {"kind": source.kind, "origin": source.origin, "release": recipe.release, "base": base}
        changes = [f"--change=LABEL org.pep668.provision.{key}={json.dumps(text)}" for key, text in labels.items()]
        changes += ['--change=CMD ["/usr/sbin/sshd", "-D", "-e"]']
        committed = podman("commit", "--quiet", *changes, container, image, check=False)
        if committed.returncode:
            raise BuildFailed(last_lines(committed.stderr, 2))
    finally:
        podman("rm", "--force", "--time=0", "--volumes", container, check=False)


def image_exists(reference: str) -> bool:
    return podman("image", "exists", reference, check=False).returncode == 0


def describe(recipe: Recipe, source: Source, image: str) -> HostImage:
    return HostImage(image=image, release=recipe.release, kind=source.kind, origin=source.origin)


@contextmanager
def lock(name: str) -> Iterator[None]:
    """No other process builds this recipe meanwhile; the lock dies with the process."""
    HOSTS_CACHE.mkdir(parents=True, exist_ok=True)
    with (HOSTS_CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
    settings = {"environment": host_environment(), "volumes": host_volumes()}
    print(json.dumps({"images": described, **settings}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
