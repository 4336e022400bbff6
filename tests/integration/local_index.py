"""A small package index of real wheels, made on the spot: exact versions, faults, credentials, and no network.

    index = LocalIndex(tmp_path)
    index.add("hello", "1.0", scripts=["hello"])            # a tool
    index.add("app", "2.0", requires=["hello>=1"], extras={"colour": ["paint"]})
    index.add("hello", "1.1", scripts=["hello"])            # later: now there is something newer
    index.add_broken("hello", "9.0")                        # its content does not match its hash: installing fails

A test host started with ``volumes=[index.volume]`` reaches it as ``index.url``; ``index.serve(host, ...)`` serves it
over HTTP inside that host, with credentials where they are given.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hosts import Host

ON_HOST = "/srv/index"
SERVER = Path(__file__).with_name("index_server.py")
LINK = '<a href="{href}#sha256={digest}"{attributes}>{name}</a><br>\n'


@dataclass(frozen=True)
class IndexServer:
    """An index served over HTTP inside a host, on the loopback interface: it survives a network that is cut."""

    host: Host
    port: int
    log: str
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The address without credentials."""
        return f"{self.scheme}://127.0.0.1:{self.port}/simple"

    def url_with(self, username: str, password: str) -> str:
        return f"http://{username}:{password}@127.0.0.1:{self.port}/simple"

    def requests(self) -> list[str]:
        """One line for each request: status, account or "-", path."""
        return self.host.read(self.log).splitlines()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Inside the block wheels are not delivered: an installer that wants one waits until its end."""
        self.host.run(["rm", "-f", f"{self.log}.held"])
        self.host.run(["touch", f"{self.log}.hold"])
        try:
            yield
        finally:
            self.host.run(["rm", "-f", f"{self.log}.hold"])

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """Inside the block every request meets this fault: an HTTP status, or one of index_server.FAULTS."""
        self.host.write(f"{self.log}.fault", fault)
        try:
            yield
        finally:
            self.host.run(["rm", "-f", f"{self.log}.fault"])

    def wait_until_held(self, *, seconds: float = 120) -> None:
        """An installer waits for a wheel now. Raises AssertionError after seconds without one."""
        end = time.monotonic() + seconds
        while not self.host.exists(f"{self.log}.held"):
            if time.monotonic() > end:
                raise AssertionError(f"{self.host}: nobody asked the index for a wheel within {seconds} seconds")
            time.sleep(0.1)


class LocalIndex:
    """A folder laid out as PEP 503 asks: ``simple/NAME/index.html`` with links to ``files/*.whl``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "simple").mkdir(exist_ok=True)
        # Accounts on the host read it as well as root.
        for path in (folder, folder / "files", folder / "simple"):
            path.chmod(0o755)
        self._links: dict[str, dict[str, str]] = {}

    @property
    def volume(self) -> str:
        """The volume to start a host with."""
        return f"{self.folder}:{ON_HOST}:ro"

    @property
    def url(self) -> str:
        """The address of the index as hosts see it."""
        return f"file://{ON_HOST}/simple"

    @property
    def find_links(self) -> str:
        """The folder of wheels as hosts see it."""
        return f"{ON_HOST}/files"

    def add(
        self,
        name: str,
        version: str,
        *,
        requires: Iterable[str] = (),
        extras: Mapping[str, Sequence[str]] | None = None,
        scripts: Iterable[str] = (),
        modules: Mapping[str, str] | None = None,
        requires_python: str = "",
        yanked: bool = False,
    ) -> Path:
        """The index has this version; returns the wheel.

        Without modules it has one module, named like the distribution with underscores, with ``__version__`` and a
        ``main()`` that prints name, version and arguments. Each of the scripts runs that ``main()``.
        """
        wheel = write_wheel(
            self.folder / "files",
            name,
            version,
            requires=requires,
            extras=extras or {},
            scripts=scripts,
            modules=modules,
            requires_python=requires_python,
        )
        self._link(wheel, name, requires_python=requires_python, yanked=yanked)
        return wheel

    def add_broken(self, name: str, version: str) -> None:
        """The index promises this version, and installing it fails: the wheel is damaged on its way."""
        wheel = write_wheel(self.folder / "files", name, version)
        self._link(wheel, name)
        wheel.write_bytes(wheel.read_bytes()[:-20] + b"x" * 20)

    def add_wheel(self, wheel: Path) -> None:
        """The index has this existing wheel."""
        target = self.folder / "files" / wheel.name
        if wheel != target:
            target.write_bytes(wheel.read_bytes())
        self._link(target, wheel.name.partition("-")[0])

    def mirror(self, *requirements: str, python: str = "3.9") -> None:
        """The index has these real distributions with their dependencies, from the public index, for that Python."""
        folder = self.folder / "mirrored"
        folder.mkdir(exist_ok=True)
        # pip judges the dependencies' markers by the Python it runs in: what older ones need beside is named.
        wanted = ["--only-binary=:all:", f"--python-version={python}", f"--dest={folder}", *requirements, "tomli"]
        subprocess.run([sys.executable, "-m", "pip", "--quiet", "download", *wanted], check=True)
        for wheel in sorted(folder.glob("*.whl")):
            self.add_wheel(wheel)

    def remove(self, name: str, version: str) -> None:
        """The index no longer has this version."""
        for wheel in self.folder.glob(f"files/{module_name(name)}-{version}-*.whl"):
            self._links[normalise(name)].pop(wheel.name)
            wheel.unlink()
        self._write_page(normalise(name))

    def remove_all(self, name: str) -> None:
        """The index has no version of it any more."""
        for wheel in list(self._links.get(normalise(name), ())):
            self.remove(name, wheel.split("-")[1])

    def serve(
        self, host: Host, *, username: str = "", password: str = "", port: int = 8080, certificate: str = ""
    ) -> IndexServer:
        """The index is served inside the host, by the host's Python; with a username others get 401.

        certificate: a file on the host with key and certificate; then it is served over HTTPS.
        """
        log = f"/tmp/index-server-{port}.log"
        host.write("/tmp/index_server.py", SERVER.read_text())
        host.start(
            ["python3", "/tmp/index_server.py", ON_HOST, str(port), log, *[certificate] * bool(certificate)],
            stdin=f"{username}\n{password}\n",
        )
        host.wait_for_port(port)
        return IndexServer(host, port, log, "https" if certificate else "http")

    def _link(self, wheel: Path, name: str, *, requires_python: str = "", yanked: bool = False) -> None:
        attributes = f' data-requires-python="{html.escape(requires_python)}"' if requires_python else ""
        attributes += ' data-yanked="withdrawn"' if yanked else ""
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = LINK.format(href=f"../../files/{wheel.name}", digest=digest, attributes=attributes, name=wheel.name)
        wheel.chmod(0o644)
        self._links.setdefault(normalise(name), {})[wheel.name] = link
        self._write_page(normalise(name))

    def _write_page(self, name: str) -> None:
        page = self.folder / "simple" / name / "index.html"
        page.parent.mkdir(mode=0o755, exist_ok=True)
        page.write_text(f"<!DOCTYPE html><html><body>\n{''.join(self._links[name].values())}</body></html>\n")
        names = "".join(f'<a href="{known}/">{known}</a><br>\n' for known in sorted(self._links))
        (self.folder / "simple" / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{names}</body></html>\n")


def normalise(name: str) -> str:
    """The name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def module_name(name: str) -> str:
    """The name as wheels and modules write it."""
    return normalise(name).replace("-", "_")


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    scripts: Iterable[str] = (),
    modules: Mapping[str, str] | None = None,
    requires_python: str = "",
) -> Path:
    """A wheel as the binary distribution format asks (PEP 427) is in the folder; see LocalIndex.add."""
    module = module_name(name)
    code = (
        f"import sys\n\n__version__ = {version!r}\n\n\ndef main():\n    print({name!r}, __version__, *sys.argv[1:])\n"
    )
    files = {f"{path}.py": text for path, text in (modules or {module: code}).items()}
    metadata = [("Metadata-Version", "2.1"), ("Name", name), ("Version", version)]
    metadata += [("Requires-Python", requires_python)] if requires_python else []
    metadata += [("Requires-Dist", requirement) for requirement in requires]
    for extra, requirements in (extras or {}).items():
        metadata.append(("Provides-Extra", extra))
        metadata += [("Requires-Dist", f'{requirement}; extra == "{extra}"') for requirement in requirements]
    info = f"{module}-{version}.dist-info"
    files[f"{info}/METADATA"] = "".join(f"{key}: {value}\n" for key, value in metadata)
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: local_index\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries = "".join(f"{script} = {module}:main\n" for script in scripts)
    if entries:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entries}"
    record = "".join(f"{path},sha256={record_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
