"""What every fault meets: environments and a tool that work and are to be changed, and new ones.

A run under a fault says what is wrong with each of them and changes nothing; one without it converges.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from footprint import changes, footprint, lock_is_free
from hosts import Host, Outcome
from local_index import LocalIndex

VERSIONS = ("1.0", "2.0")
#: One whose distributions are twice as large.
LARGER = "3.0"
#: Below these is all that the state puts on a host.
FOLDER, PIPX_HOME = "/srv/faults", "/opt/pipx"
#: Bytes of a distribution: more than a file system has left that is called full.
LARGE = 2_000_000


def stock(index: LocalIndex) -> None:
    """The index has what the state asks for, in both versions, and what pip, pipx and uv themselves need."""
    for version in (*VERSIONS, LARGER):
        data = "#" + "x" * (LARGE if version in VERSIONS else 2 * LARGE) + "\n"
        code = f"__version__ = {version!r}\n\n\ndef main():\n    print('spanner', __version__)\n"
        index.add("alpha", version, requires=["beta"])
        index.add("beta", version, modules={"beta": code, "beta_data": data})
        modules = {"spanner": code, "spanner_data": data}
        index.add("spanner", version, scripts=["spanner"], modules=modules)
        index.add("pliers", version, requires=["beta"], scripts=["pliers"])
    index.mirror("pip", "setuptools", "wheel", "pipx", "uv", python="3.11")


@dataclass
class FaultState:
    """The state on one host; version is what works there now, other what a run is to bring."""

    host: Host
    installers: tuple[str, ...] = ("pip", "uv")
    tools: bool = True
    version: str = VERSIONS[0]

    @property
    def other(self) -> str:
        return next(version for version in VERSIONS if version != self.version)

    def declared(self, index_url: str, version: str, *, new: bool = False, **more: object) -> dict[str, Any]:
        """Arguments of the module environments: what works now in this version, with new also what is not there."""
        names = [*self.installers, *(f"new-{name}" for name in self.installers if new)]
        venvs = [
            {
                "path": f"{FOLDER}/{name}",
                "packages": [f"alpha=={version}", f"beta=={version}"],
                "installer": name.removeprefix("new-"),
            }
            for name in names
        ]
        tools = ["spanner", *["pliers"] * new] if self.tools else []
        entries = [{"name": name, "spec": f"{name}=={version}", "installer": "pip"} for name in tools]
        return {"python_venvs": venvs, "python_tools": entries, "python_index_url": index_url, **more}

    def provide(self, index_url: str) -> None:
        """Everything is there in its first version, uv included."""
        more = {"python_uv": "uv" in self.installers, "python_pipx_source": "system"}
        provided = self.host.apply({**self.declared(index_url, self.version), **more})
        assert provided.rc == 0, provided.text
        self.works()

    def works(self) -> None:
        """Everything that is there runs, and is of the version it is to be."""
        for name in self.installers:
            code = "import alpha, beta; print(alpha.__version__, beta.__version__)"
            shown = self.host.run([f"{FOLDER}/{name}/bin/python", "-c", code], user="alice").stdout
            assert shown.split() == [self.version, self.version]
        if self.tools:
            assert self.host.run(["/usr/local/bin/spanner"], user="alice").stdout == f"spanner {self.version}\n"

    def run(
        self,
        declared: Mapping[str, Any],
        *,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        **variables: object,
    ) -> Outcome:
        """The module environments has run with these arguments."""
        task = {"name": "Run", "pep668.provision.environments": dict(declared), "environment": dict(environment or {})}
        return self.host.play([{"hosts": "all", "gather_facts": False, "tasks": [task]}], variables, user=user)

    def refused(
        self,
        declared: Mapping[str, Any],
        *,
        without: Collection[str] = (),
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        **variables: object,
    ) -> Outcome:
        """A run with this failed, said so of each entry, and left the host as it was; returns it."""
        # What an earlier run has fetched would be taken from there.
        self.host.run("rm -rf /root/.cache/uv /root/.cache/pip")
        before = footprint(self.host, without=without)
        failed = self.run(declared, user=user, environment=environment, **variables)
        assert failed.failed, failed.text
        assert failed.tasks, failed.text
        assert "Traceback" not in failed.message, failed.text
        assert "Traceback" not in failed.stderr, failed.text
        for entry in declared["python_venvs"]:
            assert entry["path"] in failed.message, failed.message
        for entry in declared["python_tools"]:
            assert entry["name"] in failed.message, failed.message
        different = changes(before, footprint(self.host, without=without))
        assert different == [], "\n".join([*different, failed.message])
        assert lock_is_free(self.host)
        self.works()
        return failed

    def converges(self, index_url: str, *, new: bool = False) -> None:
        """A normal run brings the other version, and one more changes nothing; what was new is removed again."""
        declared = self.declared(index_url, self.other, new=new)
        done = self.host.module("environments", declared)
        assert done["changed"], done
        self.version = self.other
        self.works()
        again = self.host.module("environments", declared)
        assert not again["changed"], again
        if new:
            for entry in (*declared["python_venvs"], *declared["python_tools"]):
                is_new = entry.get("name") == "pliers" or "/new-" in entry.get("path", "")
                entry["state"] = "absent" if is_new else "present"
            self.host.module("environments", declared)
