"""Input of up to a megabyte of the kind that keeps a careless expression busy for hours: it is read to its end.

How long it takes is the machine's affair; these sizes end or they hang.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from hostile import IS_FULL, TALLY, refused_or, stage
from made_up_host import MadeUpHost
from package_databases import with_pacman
from pep668_provision.engine.desired import validate
from pep668_provision.engine.distro import identify
from pep668_provision.engine.installer_pip import PipInstaller
from pep668_provision.engine.installer_uv import UvInstaller
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.marker import read_message
from pep668_provision.engine.marker_text import check_message
from pep668_provision.engine.os_packages import installed_packages, upstream_version
from pep668_provision.engine.package_files import packaged_files
from pep668_provision.engine.pip_conf import foresee_config
from pep668_provision.engine.pip_conf_edit import edit, find_damage, mask_text
from pep668_provision.engine.pip_conf_wanted import read_wanted, without_override
from pep668_provision.engine.pip_config import observe_configuration
from pep668_provision.engine.pip_program import read_shebang
from pep668_provision.engine.pipx import parse_tool_record
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.receipt import parse_receipt
from pep668_provision.engine.redact import redact, secrets_in
from pep668_provision.engine.requirements_file import RequirementsFileError, read_requirements
from pep668_provision.engine.system_pip import names
from pep668_provision.engine.values import Refused
from pep668_provision.engine.venv import parse_pyvenv_cfg

#: Characters; what takes time by the square of it does not end in either.
SIZE = 1_000_000 if IS_FULL else 200_000
KEYS = without_override("system").keys


def run_of(*parts: str) -> str:
    """So much of these parts, one after the other again and again."""
    joined = "".join(parts)
    return joined * (SIZE // len(joined) + 1)


RUNS = {
    "one letter": run_of("a"),
    "blanks between letters": "a" + run_of(" ") + "b",
    "blanks": run_of(" "),
    "empty lines": run_of("\n"),
    "empty lines of blanks": run_of(" \n"),
    "colons": run_of("a:"),
    "slashes": run_of("://a"),
    "at signs": run_of("a@"),
    "addresses without an end": run_of("http://u:p"),
    "passwords": run_of("password"),
    "brackets": run_of("["),
    "closed brackets": run_of("[]"),
    "quotes": run_of("'"),
    "strings": run_of('"\\"'),
    "backslashes": run_of("\\"),
    "continued lines": run_of("a\\\n"),
    "comments": run_of(" #"),
    "equals": run_of("a="),
    "sections": run_of("[a]\n") + "[a]",
    "digits": run_of("9"),
    "dots": run_of("1."),
    "dashes": run_of("a-"),
    "dollars": run_of("${A"),
    "commas": run_of("a[,"),
    "stanzas without an end": run_of("Package: before\nStatus: x\n"),
    "failures of an index": run_of("Could not fetch URL a: "),
    "changes of uv": run_of(" + a @ "),
    "NUL": run_of("\x00"),
    "halves of characters": run_of("\ud800"),
}


def read_files(text: str) -> None:
    with contextlib.suppress(RequirementsFileError):
        read_requirements(["/r"], read_bytes=lambda _: text.encode("utf-8", "surrogatepass"), environ={})


def read_names(text: str) -> None:
    with contextlib.suppress(Refused):
        names(text)


def read_message_of_marker(text: str) -> None:
    with contextlib.suppress(Refused):
        check_message(text)


def edit_config(text: str) -> None:
    for whole in (text, f"[global]\n{text}", f"[global]\na = {text}\nb = c\n", f"[global]\n{text} = 1\n"):
        if find_damage(whole) is None:
            edit(whole, KEYS)


def read_config(text: str) -> None:
    host = stage("debian").with_file("/etc/pip.conf", b"[global]\n" + text.encode("utf-8", "surrogatepass")).host
    observe_configuration(host, "/usr")
    refused_or(lambda: foresee_config(read_wanted({"level": "system", "no_index": True}), host))


def read_status(text: str) -> None:
    host = stage("debian").with_file("/var/lib/dpkg/status", text.encode("utf-8", "surrogatepass")).host
    installed_packages(host, identify("ID=debian\n"), ["before", "after"])


def read_script(text: str) -> None:
    read_shebang(
        stage("debian").with_file("/usr/bin/pip3", text.encode("utf-8", "surrogatepass")).host, "/usr/bin/pip3"
    )


def read_answer(text: str) -> None:
    made_up = stage("debian").made_up
    made_up.pythons["/usr/bin/python3.11"].answer = text
    try:
        assert Interpreters(made_up.host).default() is None
    finally:
        made_up.pythons["/usr/bin/python3.11"].answer = None


def read_output(text: str) -> None:
    done = Completed(Command(("uv",)), 0, text, text)
    UvInstaller("/usr/bin/uv").read_resolution(done)
    refused_or(lambda: PipInstaller().read_resolution(done))
    PipInstaller().index_failure(text)


READERS: dict[str, Callable[[str], object]] = {
    "declared state": lambda text: refused_or(
        lambda: validate(
            {
                text: text,
                "python_venvs": [{"path": text, "packages": [text], "python": text, "owner": text, text: text}],
                "python_tools": [{"name": text, "spec": text, "suffix": text}],
                "python_system_pip": [{"name": text, "version": text, "extra_args": text}],
                "python_index_url": text,
                "python_proxy": text,
                "python_trusted_hosts": [text],
                "python_libraries": [text],
            }
        )
    ),
    "os-release": lambda text: identify(f"ID={text}\nVERSION_ID={text}\nNAME='{text}'\n{text}"),
    "pyvenv.cfg": parse_pyvenv_cfg,
    "marker": lambda text: read_message(b"[externally-managed]\nError=" + text.encode("utf-8", "replace")),
    "marker, a line": lambda text: read_message(b"[externally-managed]\n" + text.encode("utf-8", "replace")),
    "text for a marker": read_message_of_marker,
    "pip.conf, read": read_config,
    "pip.conf, edited": edit_config,
    "pip.conf, shown": mask_text,
    "receipt": parse_receipt,
    "receipt, a number": lambda text: parse_receipt(f'{{"format": {text}}}'),
    "pipx_metadata.json": parse_tool_record,
    "requirements file": read_files,
    "names for pip": read_names,
    "dpkg's status": read_status,
    "version of an OS package": upstream_version,
    "first line of a script": read_script,
    "answer of an interpreter": read_answer,
    "answer of pip or uv": read_output,
    "what is shown": lambda text: redact(text, secrets_in([text])),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("reader", READERS)
def test_a_long_run_is_read_to_its_end(reader: str, run: str) -> None:
    READERS[reader](RUNS[run])
    TALLY.add("inputs", "a long run of one kind")


def test_a_packed_list_of_files_does_not_fill_the_memory(made_up: MadeUpHost) -> None:
    import zlib  # noqa: PLC0415

    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"\x00" * SIZE) for _ in range(400)) + packer.flush()
    with_pacman(made_up).with_file("/var/lib/pacman/local/python-1:3.13.7-1/mtree", bomb)
    assert [file.digest for file in packaged_files(made_up.host, "EXTERNALLY-MANAGED")] == [""]
