"""Which image a test host is made from, and by which engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from container_engine import EngineUnavailable, engine, engine_name, prepare_engine
from host_images import BuildFailed, Recipe, Source, read_recipes, usable_sources

CHECKOUT = Path(__file__).resolve().parents[2]
PUBLISHED = Source(registry="registry.example/linux:1", dress=("dress.sh",), kind="real", origin="the published image")
STAND_IN = Source(suite="testing", dress=("dress.sh",), kind="stand-in", origin="another distribution's packages")
BOTH = Recipe(name="linux", release="Linux 1", python="python.sh", sources=(PUBLISHED, STAND_IN))
ALONE = Recipe(name="linux", release="Linux 1", python="python.sh", sources=(STAND_IN,))


@pytest.mark.parametrize(
    ("environment", "sources"),
    [
        pytest.param({}, (PUBLISHED, STAND_IN), id="whatever serves, the published image first"),
        pytest.param({"PROVISION_REAL_IMAGES": "0"}, (PUBLISHED, STAND_IN), id="switched off"),
        pytest.param({"PROVISION_REAL_IMAGES": "1"}, (PUBLISHED,), id="published images alone"),
    ],
)
def test_the_setting_decides_what_an_image_may_be_made_from(
    environment: dict[str, str], sources: tuple[Source, ...]
) -> None:
    assert usable_sources(BOTH, environment) == sources


def test_a_host_without_a_published_image_is_an_error_where_only_those_are_wanted() -> None:
    with pytest.raises(BuildFailed, match="linux: PROVISION_REAL_IMAGES is set, and its recipe has no published image"):
        usable_sources(ALONE, {"PROVISION_REAL_IMAGES": "1"})


@pytest.mark.parametrize(
    "scenario", sorted(CHECKOUT.glob("molecule/*/molecule.yml")), ids=lambda path: path.parent.name
)
def test_each_host_of_a_scenario_has_a_published_image(scenario: Path) -> None:
    recipes = read_recipes()
    for platform in yaml.safe_load(scenario.read_text())["platforms"]:
        (source,) = usable_sources(recipes[platform["name"]], {"PROVISION_REAL_IMAGES": "1"})
        assert source.kind == "real"


def test_docker_makes_the_images_where_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("docker", "podman"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("PROVISION_ENGINE", raising=False)
    assert engine("kill", "one").stdout == "podman kill one\n"
    monkeypatch.setenv("PROVISION_ENGINE", "docker")
    assert engine("kill", "one").stdout == "docker kill one\n"
    assert prepare_engine() == {}


def test_docker_without_a_server_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("PROVISION_ENGINE", "docker")
    with pytest.raises(EngineUnavailable, match="docker version fails: Cannot connect to the Docker daemon"):
        prepare_engine()


def test_another_engine_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="PROVISION_ENGINE is podman or docker, and not nerdctl"):
        engine_name({"PROVISION_ENGINE": "nerdctl"})
