"""The pip that comes with an interpreter fills an environment that keeps none."""

from __future__ import annotations

import pytest

from made_up_host import MadeUpHost, entry_of
from pep668_provision.engine.desired import IndexSettings
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_pip_bundled import BundledPipInstaller
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.request import InstallRequest

VENV = "/opt/pep668-provision/uv"
SHARED = "/usr/share/python-wheels/pip-25.1.1-py3-none-any.whl"
BUNDLED = "/usr/lib/python3.11/ensurepip/_bundled/pip-24.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("wheel", "pip"),
    [
        pytest.param(SHARED, [f"{SHARED}/pip", "install", "--no-compile"], id="of the distribution"),
        pytest.param(BUNDLED, [f"{BUNDLED}/pip", "install", "--no-compile"], id="of Python"),
        pytest.param(
            "/usr/share/python-wheels/pip-20.3.4-py2.py3-none-any.whl", ["-m", "pip", "install"], id="taken apart"
        ),
        pytest.param("", ["-m", "pip", "install"], id="none"),
    ],
)
def test_a_wheel_that_runs_by_itself_is_started_where_it_lies(made_up: MadeUpHost, wheel: str, pip: list[str]) -> None:
    made_up.with_interpreter("3.11.2")
    if wheel:
        made_up.with_file(wheel)
    made_up.with_venv(VENV, {})
    interpreter = Interpreters(made_up.host).default()
    assert interpreter is not None
    installer, work = BundledPipInstaller(), Workplace(made_up.host, None, "/scratch", IndexSettings())
    created = installer.create(work, interpreter, VENV).command.argv
    installed = installer.install(work, VENV, InstallRequest(entry_of(path=VENV, packages=["uv"]))).command.argv
    assert ("--without-pip" in created) is (pip[0] != "-m")
    assert list(installed) == [f"{VENV}/bin/python", "-I", *pip, "uv"]
    assert (installer.prepare(work, VENV, {}) is None) is (pip[0] != "-m")
