"""Package databases of made-up hosts: each records a marker of Python 3.13 with the digest of MARKER."""

from __future__ import annotations

import base64
import gzip
import hashlib

from made_up_host import MARKER, MadeUpHost

FILE = "/usr/lib/python3.13/EXTERNALLY-MANAGED"
OTHER = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
OTHER_TEXT = "[externally-managed]\nError=Another text.\n"
INFO = "/var/lib/dpkg/info"
LOCAL = "/var/lib/pacman/local"


def digest_of(algorithm: str, text: str = MARKER) -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


def with_dpkg(
    made_up: MadeUpHost, path: str = FILE, *, architecture: str = "amd64", digests: bool = True
) -> MadeUpHost:
    release = path.split("/")[3]
    package = f"lib{release}-stdlib"
    entry = f"{INFO}/{package}:{architecture}"
    made_up.with_file(f"{INFO}/bash.list", "/.\n/bin\n/bin/bash\n")
    made_up.with_file(f"{INFO}/doc.list", f"/.\n/usr/share/doc/EXTERNALLY-MANAGED\n{path}.txt\n")
    made_up.with_file(f"{entry}.list", f"/.\n/usr/lib/{release}\n{path}\n")
    if digests:
        trap = f"{digest_of('md5', OTHER_TEXT)}  usr/share{path}\n"
        made_up.with_file(f"{entry}.md5sums", f"{trap}{digest_of('md5')}  {path[1:]}\n")
    return made_up.with_package("before").with_package(package, architecture="i386").with_package(package)


def with_pacman(made_up: MadeUpHost, *, key: str = "sha256digest", packed: bool = True) -> MadeUpHost:
    trap = f"./usr/share{FILE} mode=644 {key}={digest_of(key[: -len('digest')], OTHER_TEXT)}\n"
    entry = f".{FILE} time=1790884555.0 mode=644 size=645 {key}={digest_of(key[: -len('digest')])}\n"
    mtree = f"#mtree\n/set type=file uid=0 gid=0 mode=755\n{trap}{entry}".encode()
    package = f"{LOCAL}/python-1:3.13.7-1"
    made_up.with_file(f"{LOCAL}/ALPM_DB_VERSION", "9\n")
    made_up.with_file(f"{LOCAL}/bash-5.3-1/desc", "%NAME%\nbash\n")
    made_up.with_file(f"{LOCAL}/bash-5.3-1/files", "%FILES%\nusr/bin/bash\n")
    made_up.with_file(f"{package}/desc", "%NAME%\npython\n\n%ARCH%\nx86_64\n\n%VALIDATION%\npgp\n")
    made_up.with_file(f"{package}/files", f"%FILES%\nusr/lib/python3.13/\n{FILE[1:]}\n\n%BACKUP%\n")
    return made_up.with_file(f"{package}/mtree", gzip.compress(mtree) if packed else mtree)


def with_apk(made_up: MadeUpHost, *, prefix: str = "Q1", database: str = "/lib/apk/db/installed") -> MadeUpHost:
    algorithm = {"Q1": "sha1", "Q2": "sha256"}[prefix]
    digest = base64.b64encode(bytes.fromhex(digest_of(algorithm))).decode()
    trap = "P:trap\nV:1\nA:noarch\nF:usr/share/EXTERNALLY-MANAGED\nR:other\nZ:Q1AAAA\n\n"
    folder = f"F:usr/lib\nF:{FILE[1:].rpartition('/')[0]}\nM:0:0:755\nR:LICENSE\nZ:Q1AAAA\n"
    file = f"R:EXTERNALLY-MANAGED\na:0:0:644\nZ:{prefix}{digest}\nR:os.py\nZ:Q1BBBB\n\n"
    last = "P:zlib\nV:1\nA:x86_64\nF:usr/lib\nR:libz.so\nZ:Q1AAAA\n\n"
    return made_up.with_file(database, f"{trap}C:Q1a=\nP:python3\nV:3.13.7-r0\nA:x86_64\n{folder}{file}{last}")


def with_homebrew(made_up: MadeUpHost, *, marks: bool = True) -> MadeUpHost:
    recipe = '(lib_cellar/"EXTERNALLY-MANAGED").write <<~INI' if marks else "class PythonAT311 < Formula"
    cellar = "/opt/homebrew/Cellar"
    keg = f"{cellar}/python@3.13/3.13.7_1"
    made_up.with_file(f"{keg}/.brew/python@3.13.rb", recipe)
    made_up.with_link("/opt/homebrew/opt/python@3.13", "../Cellar/python@3.13/3.13.7_1")
    made_up.with_file(f"{keg}/Frameworks/Python.framework/Versions/3.13/lib/python3.13/os.py")
    # An old keg, and a library.
    made_up.with_file(f"{cellar}/python@3.13/3.13.1/.brew/python@3.13.rb", recipe)
    made_up.with_file(f"{cellar}/python@3.13/3.13.1/Frameworks/Python.framework/Versions/3.13/lib/python3.13/os.py")
    made_up.with_file(f"{cellar}/numpy/2.0/.brew/numpy.rb", "EXTERNALLY-MANAGED")
    return made_up.with_directory(f"{cellar}/numpy/2.0/lib/python3.13/site-packages")


BREWED = "/opt/homebrew/Cellar/python@3.13/3.13.7_1/Frameworks/Python.framework/Versions/3.13/lib/python3.13"
