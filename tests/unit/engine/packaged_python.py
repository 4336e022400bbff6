"""A made-up Debian 12 whose Python and libraries are recorded in dpkg's database, and what pip leaves beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from made_up_host import MARKER, MadeUpHost
from pep668_provision.engine.audit.audit_host import audit_host
from pep668_provision.engine.audit.rules import RULES
from pep668_provision.engine.audit.survey import Scope
from pep668_provision.engine.host import Host

INFO = "/var/lib/dpkg/info"
STDLIB = "/usr/lib/python3.11"
PACKAGED = "/usr/lib/python3/dist-packages"
LOCAL = "/usr/local/lib/python3.11/dist-packages"
PYTHON = "/usr/bin/python3.11"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nalice:x:61002:61002::/home/alice:/bin/bash\n"
STDLIB_FILES = {
    f"{STDLIB}/os.py": "import sys\n",
    f"{STDLIB}/json/__init__.py": "# JSON\n",
    f"{STDLIB}/lib-dynload/_ssl.so": "ELF",
    f"{STDLIB}/EXTERNALLY-MANAGED": MARKER,
    PYTHON: "made-up interpreter 3.11.2\n",
}
SIX_FILES = {
    f"{PACKAGED}/six.py": "# 1.16.0\n",
    f"{PACKAGED}/six-1.16.0.egg-info/PKG-INFO": "Name: six\nVersion: 1.16.0\n",
}


def with_packaged(made_up: MadeUpHost, package: str, files: Mapping[str, str]) -> MadeUpHost:
    """An installed package with these files, as dpkg records it; its list is written after its files."""
    folders = sorted({path.rpartition("/")[0] for path in files})
    made_up.with_file(f"{INFO}/{package}.md5sums", "".join(map(digest_line, files.items())))
    for path, content in files.items():
        made_up.with_file(path, content, mode=0o755 if "/bin/" in path else 0o644)
    made_up.with_file(f"{INFO}/{package}.list", "\n".join(["/.", *folders, *files]) + "\n")
    return made_up.with_package(package)


def digest_line(item: tuple[str, str]) -> str:
    path, content = item
    return f"{hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()}  {path[1:]}\n"


def with_packaged_python(made_up: MadeUpHost) -> MadeUpHost:
    made_up.with_debian("12").with_debian_python()
    with_packaged(made_up, "libpython3.11-stdlib", STDLIB_FILES)
    with_packaged(made_up, "python3-six", SIX_FILES)
    with_packaged(made_up, "bash", {"/bin/bash": "bash"})
    made_up.pythons[PYTHON].sites = (LOCAL, PACKAGED)
    made_up.with_directory(LOCAL).with_directory("/root").with_directory("/home/alice")
    for path in ("/usr/bin/apt-get", "/usr/local/bin/backup"):
        made_up.with_program(path)
    return made_up.with_file("/etc/passwd", PASSWD)


def with_installed(
    made_up: MadeUpHost,
    name: str,
    version: str,
    *,
    site: str = LOCAL,
    files: Iterable[str] | None = None,
    installer: str = "pip",
) -> MadeUpHost:
    """What pip leaves: metadata with a RECORD of these files, which are there; paths start at the site."""
    metadata = f"{name}-{version}.dist-info"
    listed = list(files if files is not None else (f"{name}.py",))
    own = [f"{metadata}/METADATA", f"{metadata}/INSTALLER", f"{metadata}/RECORD"]
    for path in listed:
        if not path.startswith(("/", "../../../../")):
            made_up.with_file(f"{site}/{path}", f"# {name}\n")
    made_up.with_file(f"{site}/{metadata}/METADATA", f"Name: {name}\nVersion: {version}\n")
    if installer:
        made_up.with_file(f"{site}/{metadata}/INSTALLER", f"{installer}\n")
    return made_up.with_file(f"{site}/{metadata}/RECORD", "".join(f"{path},,\n" for path in (*listed, *own)))


def audit(made_up: MadeUpHost, *rules: str, host: Host | None = None) -> dict[str, Any]:
    """What the rules find there; others are left out."""
    others = tuple(rule.id for rule in RULES if rule.id not in rules)
    return audit_host(host or made_up.host, Scope((), left_out=others))


def findings(made_up: MadeUpHost, *rules: str) -> list[dict[str, Any]]:
    found = audit(made_up, *rules)
    assert found["unread"] == []
    return list(found["findings"])
