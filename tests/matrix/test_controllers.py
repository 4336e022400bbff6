"""Each version of Ansible and of pyinfra, with hosts of each version of Python."""

from __future__ import annotations

from local_index import LocalIndex
from tests.matrix.cells import cell
from tests.matrix.controllers import Controller
from tests.matrix.targets import Target


def test_an_environment_is_made_changed_left_alone_and_removed(
    target: Target, controller: Controller, index: LocalIndex
) -> None:
    path = f"/srv/{controller.name}-{controller.release}"

    def declare(*packages: str, state: str = "present") -> dict[str, object]:
        venv = {"path": path, "packages": [*packages], "state": state}
        return {"python_venvs": [venv], "python_index_url": index.url}

    with cell("controllers", str(controller), target.python) as tried:
        made = controller.provision(target, declare("hello==1.0"))
        if made.oldest_python and not made.succeeded:
            tried.said = f"it asks for {made.oldest_python}"
            return
        assert made.succeeded, made.text
        assert made.changed, made.text
        assert target.host.run([f"{path}/bin/hello"]).stdout == "hello 1.0\n"
        version = target.host.run([f"{path}/bin/python", "-c", "import platform; print(platform.python_version())"])
        assert version.stdout.startswith(f"{target.python}.")
        again = controller.provision(target, declare("hello==1.0"))
        assert (again.succeeded, again.changed) == (True, 0), again.text
        moved = controller.provision(target, declare("hello==1.1", "extra"))
        assert moved.succeeded, moved.text
        assert target.host.run([f"{path}/bin/hello"]).stdout == "hello 1.1\n"
        gone = controller.provision(target, declare(state="absent"))
        assert gone.succeeded, gone.text
        assert not target.host.exists(path)
