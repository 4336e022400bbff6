"""Environments that an audit finds broken or too old, on made-up hosts; what it leaves out is said."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from made_up_host import FILES_UID, NOW, MadeUpHost, entry_of
from pep668_provision.engine.audit.audit_host import audit_host
from pep668_provision.engine.audit.end_of_life import ended_in
from pep668_provision.engine.audit.rules import RULES
from pep668_provision.engine.audit.scope import DEFAULT_ROOTS
from pep668_provision.engine.audit.survey import Scope, Survey
from pep668_provision.engine.audit.venv_search import find_venvs
from pep668_provision.engine.desired import validate
from pep668_provision.engine.host import Host
from pep668_provision.engine.receipt import FILE_NAME, Receipt

APP = "/srv/app/.venv"
#: In months of their own: 2023-11 is the made-up hosts' present, and the last of these is 2026-11.
MONTH = 30.5 * 24 * 3600.0


def audit(host: MadeUpHost | Host, **scope: Any) -> list[dict[str, Any]]:
    """The findings about environments."""
    found: list[dict[str, Any]] = report(host, **scope)["findings"]
    return found


def report(host: MadeUpHost | Host, **scope: Any) -> dict[str, Any]:
    left_out = tuple(rule.id for rule in RULES if rule.id not in ("EM401", "EM402"))
    made_up = host.host if isinstance(host, MadeUpHost) else host
    return audit_host(made_up, Scope(**{"roots": DEFAULT_ROOTS, "left_out": left_out, **scope}))


def unread(host: MadeUpHost | Host, **scope: Any) -> dict[str, str]:
    return {one["what"]: one["reason"] for one in report(host, **scope)["unread"]}


def arguments_of(found: dict[str, Any]) -> dict[str, Any]:
    """The arguments of its only repair, which the module accepts; the environment itself is backed up before."""
    (repair,) = found["repairs"]
    assert repair["module"] == "venv"
    assert repair["keeps"] == [found["subject"]]
    validate({"python_venvs": [repair["arguments"]]})
    arguments: dict[str, Any] = repair["arguments"]
    return arguments


class WithoutRights(Host):
    """Stands in for an account without rights: these directories are there, and what is in them it cannot see."""

    hidden: tuple[str, ...] = ()

    def entries_in(self, path: str, most: int = 100_000) -> tuple[tuple[str, bool], ...] | None:
        return None if path in self.hidden else super().entries_in(path, most)

    def stat(self, path: str) -> os.stat_result | None:
        return None if path.startswith(tuple(f"{one}/" for one in self.hidden)) else super().stat(path)

    def lstat(self, path: str) -> os.stat_result | None:
        return None if path.startswith(tuple(f"{one}/" for one in self.hidden)) else super().lstat(path)


def without_rights(made_up: MadeUpHost, *hidden: str) -> Host:
    host = WithoutRights(**vars(made_up.host))
    object.__setattr__(host, "hidden", hidden)
    return host


# EM401


def test_whole_environments_are_no_finding(debian: MadeUpHost) -> None:
    debian.with_venv(APP, {"flask": "3.0.3"}).with_venv("/opt/uv-made", made_by="uv")
    debian.with_venv("/opt/declared", {"flask": "3.0.3"}, receipt=entry_of(path="/opt/declared", packages=["flask"]))
    debian.with_own_program("pipx", "1.4.0")
    assert audit(debian) == []
    assert unread(debian) == {}
    assert debian.runner.started.count("/usr/bin/python3.11") <= 1


def test_an_environment_whose_interpreter_is_gone_is_made_anew_with_what_was_in_it(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.1", prefix="/usr/local").with_venv(APP, {"flask": "3.0.3"}, python="3.12")
    assert audit(debian) == []
    debian.without("/usr/local/bin/python3.12")
    (found,) = audit(debian)
    assert (found["id"], found["severity"], found["subject"]) == ("EM401", "error", APP)
    assert "its interpreter /usr/local/bin/python3.12 is gone" in found["evidence"]
    assert arguments_of(found) == {"path": APP, "state": "present", "packages": ["flask==3.0.3"]}
    assert f"mv {APP} {APP}.broken && python3 -m venv {APP} && {APP}/bin/pip install flask==3.0.3" in found["remedy"]


def test_the_same_release_is_taken_again_where_the_host_has_it(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.1", prefix="/opt/python").with_venv(APP, {"flask": "3.0.3"}, python="3.12")
    debian.without("/opt/python/bin/python3.12").with_interpreter("3.12.7", prefix="/usr/local", default=False)
    (found,) = audit(debian)
    assert arguments_of(found)["python"] == "3.12"
    assert "python3.12 -m venv" in found["remedy"]


def test_an_environment_that_the_system_upgrade_left_behind(debian: MadeUpHost) -> None:
    debian.with_venv(APP, {"flask": "3.0.3"}, system_site_packages=True).with_link(
        f"{APP}/bin/python", "/usr/bin/python3"
    )
    debian.without("/usr/bin/python3").with_interpreter("3.13.5", default=True)
    (found,) = audit(debian)
    assert "its interpreter moved from 3.11 to 3.13" in found["evidence"]
    assert arguments_of(found)["system_site_packages"] is True


def test_what_debian_leaves_without_its_venv_package_is_half_built(tmp_path: Any) -> None:
    made_up = MadeUpHost(tmp_path).with_debian("12").with_debian_python(ensurepip=False)
    made_up.with_venv(APP, seeds={})
    (found,) = audit(made_up)
    assert "neither pip nor anything else" in found["evidence"]
    # No module of the collection installs what it lacks first.
    assert found["repairs"] == []
    assert "apt-get install" in found["remedy"]
    assert "python3-venv; then " in found["remedy"]
    assert f"mv {APP} {APP}.broken && python3 -m venv {APP}" in found["remedy"]
    (found,) = audit(made_up.with_file("/usr/lib/python3.11/ensurepip/__init__.py"))
    assert arguments_of(found)["packages"] == []
    # Made without pip on purpose, it is complete: activate is written last.
    assert audit(made_up.with_file(f"{APP}/bin/activate")) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("bin/python", "bin/python is missing", id="no python"),
        pytest.param("lib/python3.11/site-packages", "its site-packages for 3.11 is missing", id="no site-packages"),
        pytest.param(
            "lib/python3.11/site-packages/flask-3.0.3.dist-info/METADATA", "has no METADATA", id="half a wheel"
        ),
    ],
)
def test_a_part_that_is_gone_is_named(debian: MadeUpHost, path: str, said: str) -> None:
    (found,) = audit(debian.with_venv(APP, {"flask": "3.0.3"}).without(f"{APP}/{path}"))
    assert said in found["evidence"]
    arguments_of(found)


def test_a_declared_environment_is_brought_back_by_its_playbook_or_by_its_record(debian: MadeUpHost) -> None:
    entry = entry_of(path=APP, packages=["flask"])
    debian.with_venv(APP, {"flask": "3.0.3", "click": "8.1.7"}, receipt=entry)
    debian.without(f"{APP}/lib/python3.11/site-packages/click-8.1.7.dist-info")
    (found,) = audit(debian)
    assert "click, which its record names, is missing in it" in found["evidence"]
    assert found["remedy"].startswith("The next run of the playbook that declares it brings it back.")
    assert arguments_of(found)["packages"] == ["click==8.1.7", "flask==3.0.3"]


def test_what_only_the_playbook_knows_is_not_made_up(debian: MadeUpHost) -> None:
    debian.with_file(f"{APP}/{FILE_NAME}", Receipt(unfinished="create").to_json())
    (found,) = audit(debian)
    assert "a run (create) did not get to its end" in found["evidence"]
    assert found["repairs"] == []
    assert "Run the playbook" in found["remedy"]


def test_what_no_index_gives_back_is_named_and_nothing_is_removed(debian: MadeUpHost) -> None:
    debian.with_venv(APP, {"flask": "3.0.3", "ours": "1.0"}).without(f"{APP}/bin/python")
    debian.with_file(f"{APP}/lib/python3.11/site-packages/ours-1.0.dist-info/direct_url.json", "{}")
    (found,) = audit(debian)
    assert found["repairs"] == []
    assert "No index has ours" in found["remedy"]


def test_what_else_is_in_an_environment_is_not_removed(debian: MadeUpHost) -> None:
    debian.with_venv("/srv/app", {"flask": "3.0.3"}).with_file("/srv/app/data.db").without("/srv/app/bin/python")
    (found,) = audit(debian)
    assert found["repairs"] == []
    assert "(data.db)" in found["remedy"]


def test_a_tool_somewhere_else_is_pipxs_to_bring_back(debian: MadeUpHost) -> None:
    debian.with_tool("black", "24.1", home="/srv/tools").without("/srv/tools/venvs/black/bin/python")
    (found,) = audit(debian)
    assert found["repairs"] == []
    assert "PIPX_HOME=/srv/tools pipx reinstall black" in found["remedy"]
    assert (
        audit(debian.without("/srv/tools").with_tool("black", "24.1").without("/opt/pipx/venvs/black/bin/python")) == []
    )


def test_of_versioned_environments_the_current_build_counts(debian: MadeUpHost) -> None:
    entry = entry_of(path="/srv/app", packages=["flask"], layout="versioned")
    old, new = "0123456789ab", "ba9876543210"
    debian.with_build(entry, old, 1, {"flask": "2.0"}).with_build(entry, new, 2, {"flask": "3.0.3"}, current=True)
    debian.without(f"/srv/app.d/{old}/bin/python")
    debian.with_venv("/srv/other.pep668-old").without("/srv/other.pep668-old/bin/python")
    assert audit(debian) == []
    (found,) = audit(debian.without(f"/srv/app.d/{new}/bin/python"))
    assert (found["subject"], found["repairs"]) == ("/srv/app", [])
    assert "rolled_back" in found["remedy"]
    (found,) = audit(debian.without(f"/srv/app.d/{new}"))
    assert f"its build {new}, which is gone" in found["evidence"]


def test_environments_of_other_systems_and_caches_are_passed_by(debian: MadeUpHost) -> None:
    for path in (
        "/var/lib/docker/overlay2/0a1b/diff/opt/venv",
        "/home/alice/.local/share/containers/storage/overlay/0a/diff/venv",
        "/srv/www/node_modules/gyp/venv",
        "/srv/chroot/opt/venv",
        "/home/alice/.cache/uv/archive/venv",
        "/srv/deep/1/2/3/4/5/venv",
    ):
        debian.with_venv(path).without(f"{path}/bin/python")
    for folder in ("etc", "usr", "bin"):
        debian.with_directory(f"/srv/chroot/{folder}")
    debian.with_file("/home/alice/.cache/uv/CACHEDIR.TAG")
    assert audit(debian) == []
    # An environment itself may be tagged so.
    debian.with_venv("/srv/tagged").with_file("/srv/tagged/CACHEDIR.TAG").without("/srv/tagged/bin/python")
    assert [one["subject"] for one in audit(debian)] == ["/srv/tagged"]


def test_other_file_systems_are_left_out_and_named_but_for_roots(debian: MadeUpHost) -> None:
    mounts = "/dev/sda1 / ext4 rw 0 0\nnas:/home /home nfs4 rw 0 0\nnas:/x /srv/a\\040b fuse.sshfs rw 0 0\n"
    debian.with_file("/proc/self/mounts", f"{mounts}/dev/sdb /srv/disk xfs rw 0 0\n")
    for path in ("/srv/a b/v", "/srv/disk/v", "/home/alice/v"):
        debian.with_venv(path).without(f"{path}/bin/python")
    assert [one["subject"] for one in audit(debian)] == ["/home/alice/v", "/srv/disk/v"]
    assert unread(debian) == {"/srv/a b": "it is another file system (fuse.sshfs)"}


def test_what_cannot_be_read_is_said_and_is_no_finding(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.12.1", prefix="/root/.pyenv/versions/3.12.1")
    debian.with_venv(APP, {"flask": "3.0.3"}, python="3.12").with_directory("/home/alice").with_directory("/home/bob")
    assert audit(debian) == []
    host = without_rights(debian, "/root", "/home/alice", "/home/bob")
    assert audit(host) == []
    left = unread(host)
    assert left[APP] == "this account cannot see its interpreter /root/.pyenv/versions/3.12.1/bin/python3.12"
    assert left["/root"] == "this account cannot read it"
    assert left["below /home: alice, bob"] == "this account cannot read that"


def test_nothing_hostile_is_followed_or_waited_for(debian: MadeUpHost) -> None:
    debian.with_link("/srv/loop/a", "/srv/loop").with_link("/srv/loop/b", "b").with_directory("/srv/fifo")
    os.mkfifo(debian.real("/srv/fifo/pyvenv.cfg"))
    debian.with_venv("/usr/hidden").without("/usr/hidden/bin/python").with_link("/srv/elsewhere", "/usr/hidden")
    debian.with_venv("/srv/bad\n\x1b[2Jname").without("/srv/bad\n\x1b[2Jname/bin/python")
    (found,) = audit(debian, roots=("/srv", "/srv/loop/a", "/srv/loop/b", "/nowhere"))
    assert found["subject"] == "/srv/bad\n\\x1b[2Jname"
    assert found["repairs"] == []
    assert unread(debian) == {"/srv/fifo": "its pyvenv.cfg is no file that this account can read"}


def test_a_search_ends_at_its_bounds_and_says_so(debian: MadeUpHost) -> None:
    for number in range(30):
        debian.with_directory(f"/srv/wide/{number:02}")
    debian.with_venv("/srv/wide/zz/v").with_venv("/opt/near")
    survey = Survey(debian.host, Scope(("/opt", "/srv")))
    assert find_venvs(survey, most=20) == ("/opt/near",)
    assert [(one.what, one.reason) for one in survey.unread] == [
        ("what else is below /srv", "20 directories were read before")
    ]
    assert find_venvs(Survey(debian.host, Scope(DEFAULT_ROOTS))) == ("/opt/near", "/srv/wide/zz/v")


def test_time_that_is_up_ends_the_search(debian: MadeUpHost) -> None:
    debian.with_venv("/srv/one/v")
    ticks = iter(range(100_000))
    host = replace(debian.host, clock=lambda: float(next(ticks)))
    survey = Survey(host, Scope(DEFAULT_ROOTS, time_budget=3))
    assert find_venvs(survey) == ()
    assert {one.reason for one in survey.unread} == {"the time budget was used up"}


# EM402


@pytest.mark.parametrize(
    ("version", "now", "expected"),
    [
        ("3.8.18", "2024-10-31", None),
        ("3.8.18", "2024-11-01", "2024-10"),
        ("3.9", "2026-11-21", "2025-10"),
        ("3.11.2", "2026-11-21", None),
        ("3.5.2", "2026-11-21", ""),
        ("2.7.18", "2026-11-21", ""),
        ("3.40.1", "2026-11-21", None),
        ("3", "2026-11-21", None),
        ("3.x", "2026-11-21", None),
    ],
)
def test_the_month_in_which_support_ended(version: str, now: str, expected: str | None) -> None:
    import calendar  # noqa: PLC0415  # here alone
    import time  # noqa: PLC0415  # as above

    assert ended_in(version, float(calendar.timegm(time.strptime(now, "%Y-%m-%d")))) == expected


def test_a_python_past_its_end_of_life_is_named_with_a_newer_one(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.8.18", prefix="/usr/local").with_venv(APP, {"flask": "3.0.3"}, python="3.8")
    debian.with_tool("black", "24.1", python="3.8")
    assert audit(debian) == []
    debian.now = NOW + 13 * MONTH
    app, tool = sorted(audit(debian), key=lambda one: str(one["subject"]), reverse=True)
    assert (app["id"], app["severity"], app["subject"]) == ("EM402", "warning", APP)
    assert (
        app["evidence"]
        == f"{APP} runs Python 3.8.18 (/usr/local/bin/python3.8), which gets no security fixes since 2024-10."
    )
    assert f"python3.11 -m venv {APP}" in app["remedy"]
    assert tool["subject"] == "/opt/pipx/venvs/black"
    assert "pipx reinstall --python=3.11 black" in tool["remedy"]
    assert app["repairs"] == tool["repairs"] == []


def test_the_distributions_own_python_is_its_distributions_affair(tmp_path: Any) -> None:
    made_up = MadeUpHost(tmp_path).with_debian("11").with_debian_python().with_venv(APP)
    made_up.now = NOW + 36 * MONTH
    assert audit(made_up) == []
    # Another one in the same directory is nobody's of whom that can be told.
    made_up.with_interpreter("3.7.1").with_venv("/srv/old", python="3.7")
    assert [one["subject"] for one in audit(made_up)] == ["/srv/old"]


def test_other_implementations_have_other_versions(debian: MadeUpHost) -> None:
    debian.with_interpreter("3.7.1", prefix="/usr/local").with_venv(APP, python="3.7", made_by="virtualenv")
    assert len(audit(debian)) == 1
    text = debian.real(f"{APP}/pyvenv.cfg").read_text()
    assert audit(debian.with_file(f"{APP}/pyvenv.cfg", f"{text}implementation = PyPy\n")) == []


@pytest.mark.skipif(FILES_UID != 0, reason="only root can give files to others")
def test_root_runs_no_interpreter_that_another_account_could_exchange(debian: MadeUpHost) -> None:
    debian.with_program("/home/alice/python").with_venv("/home/alice/v").with_link(
        "/home/alice/v/bin/python", "/home/alice/python"
    )
    for path in ("/home/alice", "/home/alice/v", "/home/alice/python", "/home/alice/v/pyvenv.cfg"):
        os.chown(debian.real(path), 61002, 61002)
    audit(debian)
    assert [one.account.name if one.account else "" for one in debian.runner.commands if "alice" in one.argv[0]] == [
        "alice"
    ]


def test_time_that_is_up_ends_the_judging_too(debian: MadeUpHost) -> None:
    debian.with_venv("/srv/one").with_venv("/srv/two").without("/srv/one/bin/python").without("/srv/two/bin/python")
    late = False

    def clock() -> float:
        return 1e9 if late else 0.0

    survey = Survey(replace(debian.host, clock=clock), Scope(DEFAULT_ROOTS, time_budget=3))
    assert len(survey.venvs) == 2
    late = True
    (rule,) = (one for one in RULES if one.id == "EM401")
    assert list(rule.check(survey)) == []
    assert ("the environments that were not judged yet", "the time budget was used up") in [
        (one.what, one.reason) for one in survey.unread
    ]


def test_a_tool_of_uv_is_for_its_owner_to_bring_back(debian: MadeUpHost) -> None:
    path = "/srv/uv/tools/black"
    debian.with_venv(path, {"black": "24.0"}, made_by="uv").with_file(f"{path}/uv-receipt.toml")
    (found,) = audit(debian.without(f"{path}/bin/python"))
    assert found["remedy"] == "It is a tool of uv: as its owner, install black again with uv."
    assert found["repairs"] == []


def test_where_the_module_makes_no_environment_nothing_is_repaired(debian: MadeUpHost) -> None:
    debian.with_venv("/opt", {"flask": "3.0.3"}).without("/opt/bin/python")
    (found,) = [one for one in audit(debian, roots=("/opt",)) if one["subject"] == "/opt"]
    assert found["repairs"] == []
    assert "-m venv /opt" in found["remedy"]


def test_of_many_packages_the_number_is_told(debian: MadeUpHost) -> None:
    packages = {f"package-{number}": "1.0" for number in range(21)}
    (found,) = audit(debian.with_venv(APP, packages).without(f"{APP}/bin/python"))
    assert f"pip install the 21 packages that {APP}.broken has in its lib" in found["remedy"]
