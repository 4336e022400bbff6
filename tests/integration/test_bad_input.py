"""Awkward and hostile input on a real host, by Ansible and pyinfra: it works, or is refused before anything is run.

What is only parsed is tried with many more examples in tests/unit/bad_input.
"""

from __future__ import annotations

import pytest

from hosts import Host
from local_index import LocalIndex
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian13")]

#: Names of directories that a shell, a requirements file, a first line or a terminal would take for something else.
NAMES = {
    "blanks": "a b  c",
    "quote": "it's",
    "double quote": 'say "x"',
    "double quote without blank": 'say"x',
    "substitution": "$(touch /tmp/pwned)",
    "substitution without blank": "$(id>/tmp/pwned)",
    "backquotes": "`touch /tmp/pwned`",
    "variable": "${HOME}",
    "semicolon": ";touch /tmp/pwned;",
    "ampersand": "a&&touch /tmp/pwned&",
    "redirection": "a>/tmp/pwned".replace("/", "_"),
    "leading dash": "-rf",
    "option": "--index-url=x",
    "star": "*",
    "tilde": "~root",
    "hash": "# x",
    "percent": "%s%(x)s%d",
    "braces": "{0}{x}",
    "brackets": "a[b]",
    "at sign": "a@b @ c",
    "equals": "a==1",
    "backslash": "a\\nb",
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "right to left": "\u0639\u0631\u0628\u0649",
    "snake": "\U0001f40d",
    "no width": "a\u200bb",
    "turned round": "a\u202eb",
    "long": "x" * 110,
    "longer than a first line of old": "x" * 140,
    "as long as a name can be": "x" * 255,
    "longer than a first line": f"{'x' * 200}/{'y' * 200}",
}
#: Only these are made by uv too: it writes first lines of its own.
BY_UV = tuple(NAMES)


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    index.add("wanted", "1.0", scripts=["wanted"])
    index.add("plugin", "1.0")
    index.mirror("pip", "setuptools", "wheel", "uv", python="3.13")
    return index


@pytest.fixture(scope="module")
def ready(host: Host, stocked: LocalIndex) -> Host:
    """A host with pip, pipx and uv, and projects in directories with these names."""
    declared = {"python_venvs": [{"path": "/srv/first"}], "python_tools": [{"name": "wanted"}], "python_uv": True}
    done = host.apply({**declared, "python_index_url": stocked.url})
    assert done.rc == 0, done.text
    return host


def path_of(installer: str, name: str) -> str:
    return f"/srv/{installer}/{NAMES[name]}/v"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_environments_in_awkward_directories_work_or_are_refused(
    ready: Host, stocked: LocalIndex, tally: Tally, installer: str
) -> None:
    failed = []
    entries = [
        {"path": path_of(installer, name), "packages": ["wanted; python_version >= '3.8'"], "installer": installer}
        for name in NAMES
    ]
    declared = {"python_venvs": entries, "python_index_url": stocked.url}
    done = ready.apply(declared)
    print(done.message[:6000])
    for name in NAMES:
        path = path_of(installer, name)
        said = ready.run([f"{path}/bin/wanted", "a b"], check=False)
        if said.stdout != "wanted 1.0 a b\n":
            failed.append((name, str(said)[-300:]))
        tally.add("inputs", "paths of environments on a host")
    print("PWNED", ready.run("ls -la /tmp/pwned", check=False))
    assert not failed, "\n".join(map(str, failed))
    assert done.rc == 0, done.text
    assert ready.apply(declared).changed == 0
