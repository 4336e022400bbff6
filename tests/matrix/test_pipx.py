"""Each version of pipx, found on a host, with what is done with tools."""

from __future__ import annotations

from typing import Any

import pytest

from hosts import Host
from local_index import LocalIndex
from tests.matrix.cells import cell


def declare(index: LocalIndex, **tool: object) -> dict[str, Any]:
    return {
        "python_tools": [{"name": "hello", **tool}],
        "python_pipx_source": "system",
        "python_index_url": index.url,
    }


@pytest.fixture
def pipx_release(debian: Host, pipx_version: str) -> str:
    """The newest release of the version is the host's pipx, and no tool is there."""
    folder = f"/opt/pipx-{pipx_version}"
    debian.run("rm -rf /opt/pipx /usr/local/bin/*")
    debian.run(f"python3 -m venv {folder} && {folder}/bin/pip install --quiet 'pipx=={pipx_version}.*'")
    debian.run(["ln", "-s", f"{folder}/bin/pipx", "/usr/local/bin/pipx"])
    return debian.run(["pipx", "--version"]).stdout.strip()


def test_a_tool_is_installed_moved_injected_into_left_alone_and_removed(
    debian: Host, pipx_release: str, index: LocalIndex
) -> None:
    with cell("pipx", pipx_release, "3.11"):
        for tool in ({"spec": "hello==1.0"}, {"spec": "hello==1.1"}, {"spec": "hello==1.1", "inject": ["extra"]}):
            done = debian.apply(declare(index, **tool))
            assert not done.failed, done.text
            assert done.changed, done.text
            version = tool["spec"].removeprefix("hello==")  # type: ignore[attr-defined]
            assert debian.run(["hello"]).stdout == f"hello {version}\n"
            again = debian.apply(declare(index, **tool), record=True)
            assert (again.failed, again.changed, again.installers) == (False, 0, ()), again.text
        assert "extra" in debian.packages("/opt/pipx/venvs/hello")
        gone = debian.apply(declare(index, state="absent"))
        assert not gone.failed, gone.text
        assert not debian.exists("/usr/local/bin/hello")
        # It was this pipx and no other.
        assert debian.listing("/opt/pep668-provision") == []
