#!/usr/bin/env python3
"""Debian packages, unpacked and wrapped as another family's, lie in a repository its own package manager reads.

    wrap_packages.py DATA.toml FOLDER

Runs as root in the builder's container. At the top of the data file are

    format    rpm or pacman
    suites    where the packages come from; the first is the default
    drop      glob patterns of paths left out of every package
    compile   interpreters that write byte code of their own files, the first also that of all libraries

and each table below ``packages`` is one package under the family's name:

    debs                          names, or name/suite; none makes an empty package
    version                       default: that of the first of the debs
    requires, provides, groups    as the format has them; groups are pacman's
    links                         path to target, for links the family's package has
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

WORK = Path("/var/tmp/wrap")  # noqa: S108  # the container is the builder's alone
# No one reads these on a test host.
NEVER_WRAPPED = (
    *(
        "usr/share/doc*",
        "usr/share/man",
        "usr/share/lintian",
        "usr/share/bug",
        "usr/share/python3",
        "usr/share/binfmts",
    ),
    *("usr/share/applications", "usr/share/pixmaps", "usr/share/info", "usr/share/bash-completion", "DEBIAN"),
)
SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: {name}, wrapped for a test host
License: see its copyright
AutoReqProv: no
{relations}
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%global _build_id_links none
%global _binary_payload w3.gzdio
%global _rpmformat 4
%global source_date_epoch_from_changelog 0
%description
Debian's files under another family's name.
%install
cp -a {tree}/. %{{buildroot}}
%files {listing}
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What one package of the repository is made of."""

    name: str
    debs: tuple[str, ...]
    version: str
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


def run(*command: str | Path, cwd: Path | None = None, stdout: int | None = None) -> str:
    """What the command wrote to standard output, when that is a pipe. Raises CalledProcessError."""
    done = subprocess.run(command, cwd=cwd, stdout=stdout, check=True, text=True)
    return done.stdout or ""


def fetch(data: Mapping[str, object], tables: Mapping[str, Mapping[str, list[str]]]) -> dict[str, Path]:
    """Every .deb the data names, downloaded, by the name it is given there."""
    suites = data["suites"]
    if not isinstance(suites, list):
        raise TypeError("suites must be a list")
    mirror = "http://deb.debian.org/debian"
    signed = "signed-by=/usr/share/keyrings/debian-archive-keyring.pgp"
    if not Path(signed.partition("=")[2]).exists():
        signed = signed.replace(".pgp", ".gpg")
    lines = "".join(f"deb [check-valid-until=no {signed}] {mirror} {suite} main\n" for suite in suites)
    for source in Path("/etc/apt/sources.list.d").glob("*"):
        source.unlink()
    Path("/etc/apt/sources.list").write_text(lines)
    run("apt-get", "-q", "update", stdout=subprocess.DEVNULL)
    wanted = sorted({deb for table in tables.values() for deb in table["debs"]})
    found: dict[str, Path] = {}
    for suite in suites:
        folder = WORK / "debs" / suite
        folder.mkdir(parents=True)
        names = {deb: deb.partition("/")[0] for deb in wanted if (deb.partition("/")[2] or suites[0]) == suite}
        if names:
            asked = [f"{name}/{suite}" for name in names.values()]
            run(
                "apt-get",
                "-q",
                "download",
                "-o",
                "APT::Sandbox::User=root",
                *asked,
                cwd=folder,
                stdout=subprocess.DEVNULL,
            )
        found |= {deb: next(folder.glob(f"{name}_*.deb")) for deb, name in names.items()}
    return found


def upstream_version(deb: Path) -> str:
    """The version without Debian's epoch, revision and suffixes: what both other formats allow."""
    text = run("dpkg-deb", "--field", deb, "Version", stdout=subprocess.PIPE).strip()
    return re.sub(r"[^A-Za-z0-9.].*", "", text.rpartition("-")[0].partition(":")[2] or text.rpartition("-")[0])


def read_package(name: str, table: Mapping[str, list[str]], debs: Mapping[str, Path]) -> Package:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    version = values.pop("version", None) or upstream_version(debs[table["debs"][0]])
    return Package(name=name, version=str(version), **values)  # type: ignore[arg-type]  # the dataclass refuses others


def unpack(package: Package, debs: Mapping[str, Path], data: Mapping[str, object]) -> Path:
    """The package's tree, with what is never wrapped and what the data drops left out."""
    tree = WORK / "trees" / package.name
    tree.mkdir(parents=True)
    for deb in package.debs:
        run("dpkg-deb", "--extract", debs[deb], tree)
    drop = data.get("drop", [])
    if not isinstance(drop, list):
        raise TypeError("drop must be a list")
    for path in [path for pattern in (*NEVER_WRAPPED, *drop) for path in tree.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for link, target in package.links.items():
        (tree / link).parent.mkdir(parents=True, exist_ok=True)
        (tree / link).symlink_to(target)
    # usr-merged hosts have links there.
    for folder in ("bin", "sbin", "lib"):
        if (tree / folder).is_dir():
            shutil.copytree(tree / folder, tree / "usr" / folder, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / folder)
    return tree


def merge(trees: list[Path]) -> Path:
    """The files of all packages in one tree, in which interpreters run."""
    everything = WORK / "everything"
    for tree in trees:
        run("cp", "--archive", "--link", "--force", f"{tree}/.", everything)
    return everything


def write_byte_code(trees: list[Path], everything: Path, python: str, *, libraries: bool) -> None:
    """The interpreter's own files have their byte code, and with libraries those that all interpreters share."""
    wanted = [python, *(["python3"] if libraries else [])]
    for tree in trees:
        folders = [str(folder) for name in wanted for folder in tree.glob(f"usr/lib*/{name}") if folder.is_dir()]
        if folders:
            interpreter = str(everything / "usr" / "bin" / python)
            command = [interpreter, "-m", "compileall", "-qq", "-s", str(tree), "-p", "/", *folders]
            # Templates and files for other Pythons do not compile, which does not matter.
            subprocess.run(command, check=False, env={**os.environ, "PYTHONHOME": str(everything / "usr")})


def wrap_rpm(package: Package, tree: Path, folder: Path) -> None:
    work = WORK / "rpm" / package.name
    work.mkdir(parents=True)
    listing, spec = work / "files", work / "package.spec"
    paths = [path for path in sorted(tree.rglob("*")) if path.is_symlink() or not path.is_dir()]
    listing.write_text("".join('"/' + str(path.relative_to(tree)).replace("%", "%%") + '"\n' for path in paths))
    relations = [f"Requires: {name}" for name in package.requires] + [f"Provides: {name}" for name in package.provides]
    spec.write_text(
        SPEC.format(
            name=package.name,
            version=package.version,
            tree=tree,
            listing=f"-f {listing}" if paths else "",
            relations="\n".join(relations),
        )
    )
    define = ["--define", f"_topdir {work}", "--define", f"_rpmdir {folder}"]
    run("rpmbuild", "-bb", "--quiet", *define, spec, stdout=subprocess.DEVNULL)


def wrap_pacman(package: Package, tree: Path, folder: Path) -> None:
    version = f"{package.version}-1"
    fields = {"pkgname": package.name, "pkgbase": package.name, "pkgver": version, "arch": "any"}
    fields |= {"pkgdesc": f"{package.name}, wrapped for a test host", "builddate": "0", "packager": "test hosts"}
    fields["size"] = str(sum(path.lstat().st_size for path in tree.rglob("*")))
    lines = [f"{key} = {value}" for key, value in fields.items()]
    relations = {"depend": package.requires, "provides": package.provides, "group": package.groups}
    lines += [f"{key} = {name}" for key, names in relations.items() for name in names]
    (tree / ".PKGINFO").write_text("\n".join(lines) + "\n")
    inside = sorted(path.name for path in tree.iterdir() if path.name != ".PKGINFO")
    options = "--options=!all,use-set,type,uid,gid,mode,time,size,sha256,link"
    run("bsdtar", "-czf", ".MTREE", "--format=mtree", options, ".PKGINFO", *inside, cwd=tree)
    archive = folder / f"{package.name}-{version}-any.pkg.tar.zst"
    run(
        "bsdtar",
        "-cf",
        archive,
        "--zstd",
        "--options=zstd:compression-level=3",
        ".MTREE",
        ".PKGINFO",
        *inside,
        cwd=tree,
    )


def index_rpm(folder: Path) -> None:
    run("createrepo_c", "--quiet", "--compatibility", "--no-database", folder)


def index_pacman(folder: Path) -> None:
    run(
        "repo-add",
        "--quiet",
        folder / "core.db.tar.gz",
        *sorted(folder.glob("*.pkg.tar.zst")),
        stdout=subprocess.DEVNULL,
    )


Wrap = Callable[[Package, Path, Path], None]
FORMATS: dict[str, tuple[Wrap, Callable[[Path], None]]] = {
    "rpm": (wrap_rpm, index_rpm),
    "pacman": (wrap_pacman, index_pacman),
}


def main(arguments: Iterable[str]) -> None:
    """The repository lies in the folder."""
    data_file, folder = map(Path, arguments)
    data = tomllib.loads(data_file.read_text())
    wrap, index = FORMATS[data["format"]]
    shutil.rmtree(WORK, ignore_errors=True)
    folder.mkdir(parents=True)
    debs = fetch(data, data["packages"])
    packages = [read_package(name, table, debs) for name, table in data["packages"].items()]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as executor:
        trees = list(executor.map(lambda package: unpack(package, debs, data), packages))
        first, *others = data["compile"]
        everything = merge(trees)
        compiled = [executor.submit(write_byte_code, trees, everything, first, libraries=True)]
        compiled += [executor.submit(write_byte_code, trees, everything, other, libraries=False) for other in others]
        for one in compiled:
            one.result()
        list(executor.map(lambda package, tree: wrap(package, tree, folder), packages, trees))
    index(folder)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main(sys.argv[1:])
