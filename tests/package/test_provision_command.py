"""scripts/provision as a user calls it in a checkout; it only looks, for what it would change is this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from checkout import CHECKOUT


def provision(folder: Path, *arguments: str, **environment: str) -> str:
    """What it printed; it was called in that folder, and has ended well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [str(CHECKOUT / "scripts" / "provision"), *arguments],
        cwd=folder,
        env={**kept, "HOME": str(folder), "ANSIBLE_NOCOLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_without_an_inventory_this_machine_is_meant(tmp_path: Path) -> None:
    declared = tmp_path / "vars.yml"
    path = tmp_path / "made" / ".venv"
    declared.write_text(f"{{python_venvs: [{{path: {path}}}], python_tools: [], python_libraries: []}}")
    said = provision(tmp_path, "-e", "@vars.yml", "--check", "--diff")
    assert f"create venv {path}" in said
    assert "Provide the example on this machine" in said
    assert not path.exists()


def test_a_misspelt_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_text("{python_vens: [], python_tools: [], python_venvs: [], python_libraries: []}")
    said = provision(tmp_path, "-e", "@vars.yml", "--check")
    assert "python_vens" in said
    assert "did you mean python_venvs?" in said


def test_the_fleet_that_a_configuration_names_is_a_fleet(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("[none_here]\n")
    (tmp_path / "ansible.cfg").write_text("[defaults]\ninventory = hosts\n")
    assert "Provide the declared Python things" in provision(tmp_path, "--check")
    (tmp_path / "ansible.cfg").unlink()
    assert "Provide the declared Python things" in provision(tmp_path, "--check", ANSIBLE_INVENTORY="hosts")
    assert "Provide the declared Python things" in provision(tmp_path, "-Ci", "hosts")
