# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files searched for what fails or does harm on marked hosts, and changed where that is safe."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .checks import check, harms_of_script, overrides_elsewhere
from .dockerfiles import check_dockerfile, is_dockerfile
from .finding import Finding, is_silenced
from .pip_files import check_pip_conf
from .rewrite import apply_edits, is_sound
from .tasks import Task, find_tasks
from .yaml_nodes import Document, NotYaml, parse

#: Bytes. Nobody writes tasks in larger files, and a parser takes its time.
_LARGEST = 1024 * 1024
_VAULT = "$ANSIBLE_VAULT;"
_YAML = (".yml", ".yaml")
#: What a text has to hold for anything to be found in it.
_TRIGGER = re.compile(r"(?i)\bpip|externally-managed|break[-_]system[-_]packages")
#: Directories that hold other people's files or none to read; those with a leading dot are passed over as well.
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "site-packages", "ansible_collections"})
#: Findings that are calls of pip, and those that are about what lets such calls pass.
_CALLS = frozenset({"PM001", "PM002", "PM006", "PM009"})
_OVERRIDES = frozenset({"PM004", "PM005"})
#: How many findings of one file are tried one by one, where all of them together cannot be rewritten.
_MOST_TRIED = 50
#: What may be read of a registered result, for every module has it.
_COMMON_KEYS = frozenset({"changed", "failed", "skipped", "msg"})


class Unreadable(Exception):
    """A path that was named cannot be read."""


@dataclass
class Scanned:
    """What was found, in the order of the files; ``skipped`` has the files that were not looked into, with the reason.

    ``changed`` has each file's text and the one that takes its place, by path; ``fixed`` are the findings that are gone
    with what was written.
    """

    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)


def scan(paths: Sequence[str]) -> Scanned:
    """Search files and directories, and make the texts that they would be changed to; nothing is written.

    Raises Unreadable for a path that is not there.
    """
    result = Scanned()
    files = list(dict.fromkeys(one for path in paths for one in _files(Path(path), result)))
    found: list[tuple[str, Document | None, list[Finding]]] = []
    for file in files:
        text = _read(file, result)
        if text is None:
            continue
        result.files += 1
        try:
            document, findings = scan_text(text, file)
        except NotYaml as error:
            result.skipped.append((str(file), str(error)))
            continue
        found.append((str(file), document, findings))
    used = _used_results(files, {one.registers for _, _, findings in found for one in findings} - {""})
    judged = [(path, document, _without_used(findings, used)) for path, document, findings in found]
    needed = _first_left([one for _, _, findings in judged for one in findings])
    for path, document, findings in judged:
        kept = _with_overrides(findings, needed) if needed else findings
        result.findings += kept if document is None else _with_change(path, document, kept, result)
    return result


def scan_text(text: str, path: Path) -> tuple[Document | None, list[Finding]]:
    """Return what is in a text that is, or is to be, the file at ``path``; with its nodes where it is YAML.

    Raises NotYaml for a text that cannot be looked into.
    """
    document: Document | None = None
    findings: list[Finding] = []
    if _TRIGGER.search(text) is None:
        return None, []
    if is_dockerfile(path.name):
        findings += check_dockerfile(text)
    elif text.startswith("#!"):
        findings += harms_of_script(text)
    elif path.name.startswith("pip.conf"):
        findings += check_pip_conf(text)
    else:
        document = parse(text)
        try:
            findings += _in_yaml(document, path)
        except RecursionError:
            raise NotYaml("it is nested too deep") from None
    lines = text.split("\n")
    kept = []
    for one in findings:
        line = lines[one.line - 1] if 0 < one.line <= len(lines) else ""
        if one.path or not is_silenced(line, one.id):
            kept.append(replace(one, path=one.path or str(path)))
    return document, sorted(kept, key=lambda one: (one.path != str(path), one.path, one.line))


def _in_yaml(document: Document, path: Path) -> Iterator[Finding]:
    looked_at: set[int] = set()
    for task in find_tasks(document):
        made = check(task)
        yield from made
        if made:
            looked_at |= {id(task.value), *(id(one) for name, one in task.keywords.items() if name == "environment")}
        if task.module == "script":
            yield from _in_script(task, path)
    yield from overrides_elsewhere(looked_at, document.roots)


def _in_script(task: Task, path: Path) -> Iterator[Finding]:
    """The findings in the shell script that a task sends to the host, where it lies with the playbook or the role."""
    words = (task.free_form or "").split()
    if not words or "{{" in words[0]:
        return
    folders = (path.parent, path.parent / "files", path.parent.parent / "files")
    for script in (folder / words[0] for folder in folders):
        if script.suffix not in (".py", ".ps1") and script.is_file():
            text = _read(script, Scanned())
            yield from (replace(one, path=str(script)) for one in (harms_of_script(text) if text else ()))
            return


def _files(path: Path, result: Scanned) -> Iterator[Path]:
    """The files to look into: one that is named, or those in a directory that can hold something."""
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not is_directory:
        yield path
        return

    def refuse(error: OSError) -> None:
        result.unreadable.append((str(error.filename), error.strerror or "it cannot be read"))

    for folder, names, files in os.walk(path, onerror=refuse):
        if "pyvenv.cfg" in files:
            names.clear()
            continue
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _PASSED_OVER)
        for name in sorted(files):
            if name.endswith(_YAML) or is_dockerfile(name) or name in ("pip.conf", "pip.conf.j2"):
                file = Path(folder, name)
                if not file.is_symlink():
                    yield file
                elif not file.resolve().is_relative_to(path.resolve()):
                    # What it leads to is not what was named, and must not be changed.
                    result.skipped.append((str(file), "it is a link that leads out of what is searched"))


def _read(file: Path, result: Scanned) -> str | None:
    """Return a file's text; of one that is not looked into the reason is noted."""
    try:
        # Opening a FIFO would wait for whoever writes to it.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                result.skipped.append((str(file), "it is no regular file"))
                return None
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        result.unreadable.append((str(file), error.strerror or "it cannot be read"))
        return None
    if len(content) > _LARGEST:
        result.skipped.append((str(file), "it is larger than 1 MiB"))
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        result.skipped.append((str(file), "it is no text in UTF-8"))
        return None
    if text.startswith(_VAULT):
        result.skipped.append((str(file), "it is encrypted by Ansible's vault"))
        return None
    return text


def _used_results(files: Sequence[Path], names: set[str]) -> dict[str, str]:
    """Return those of the registered results of which something is read that only the old module returns, and that."""
    used: dict[str, str] = {}
    if not names:
        return used
    reads = re.compile(rf"\b(?P<name>{'|'.join(map(re.escape, sorted(names)))})(?:\.(?P<key>\w+)|\[['\"](?P<item>\w+))")
    for file in files:
        text = _read(file, Scanned()) or ""
        for found in reads.finditer(text):
            key = found["key"] or found["item"]
            if key not in _COMMON_KEYS:
                used.setdefault(found["name"], key)
    return used


def _without_used(findings: list[Finding], used: dict[str, str]) -> list[Finding]:
    """Return the findings, those in tasks whose results are used without edits."""
    told = {one.steps: one.registers for one in findings if one.registers in used}
    return [
        _left(one, f"{told[one.steps]}.{used[told[one.steps]]} is read of its result, which the new task has not")
        if one.edits and one.steps in told
        else one
        for one in findings
    ]


def _first_left(findings: list[Finding]) -> Finding | None:
    """Return the first call of pip on a host that stays as it is, None where all of them are rewritten."""
    calls = (one for one in findings if one.id in _CALLS and not is_dockerfile(Path(one.path).name))
    return next((one for one in calls if not one.edits), None)


def _with_overrides(findings: list[Finding], needed: Finding) -> list[Finding]:
    """Return the findings, without edits that would have a call of pip fail that stays as it is."""
    reason = f"{needed.path}:{needed.line} calls pip, stays as it is, and may need that"
    return [_left(one, reason) if one.edits and one.id in _OVERRIDES else one for one in findings]


def _left(finding: Finding, reason: str) -> Finding:
    return replace(finding, edits=(), left=reason)


def _with_change(path: str, document: Document, findings: list[Finding], result: Scanned) -> list[Finding]:
    """Note the changed text of a file; return the findings, without edits where these would change something else."""
    tasks: dict[tuple[int | str, ...], list[Finding]] = {}
    for one in findings:
        if one.edits and one.path == path:
            tasks.setdefault(one.steps, []).append(one)
    if not tasks:
        return findings
    wanted = [one for task in tasks.values() for one in task]
    text = _changed(document, wanted)
    if text is None:
        # One of them spoils it.
        tried = [task for task in list(tasks.values())[:_MOST_TRIED] if _changed(document, task) is not None]
        wanted = [one for task in tried for one in task]
        text = _changed(document, wanted)
    if text is None or text == document.text:
        wanted = []
    else:
        result.changed[path] = (document.text, text)
    reason = "what it would become cannot be told apart from a mistake"
    kept = {one.steps for one in wanted}
    return [_left(one, reason) if one.edits and one.steps not in kept else one for one in findings]


def _changed(document: Document, findings: list[Finding]) -> str | None:
    """Return the text with the findings' edits, None where it would say something else besides."""
    try:
        text = apply_edits(document.text, [edit for one in findings for edit in one.edits])
    except ValueError:
        return None
    return text if is_sound(document, findings, text) else None


def write_changes(result: Scanned) -> None:
    """The changed files are written; what is rewritten in them is ``fixed``, and no finding any more."""
    for path, (before, after) in list(result.changed.items()):
        try:
            write(Path(path), before, after)
        except OSError as error:
            result.unreadable.append((path, f"it is not written: {error.strerror}"))
            result.changed = {other: texts for other, texts in result.changed.items() if other != path}
    result.fixed = [one for one in result.findings if one.edits and one.path in result.changed]
    result.findings = [one for one in result.findings if not one.edits or one.path not in result.changed]


def write(path: Path, before: str, text: str) -> None:
    """The file has this text, at once and with its mode; raises OSError, and for a file that changed meanwhile."""
    target = path.resolve()
    if target.read_bytes() != before.encode():
        raise OSError(0, "it changed while it was looked at")
    status = target.stat()
    scratch = target.with_name(f".{target.name}.pep668-{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(handle)
            if os.geteuid() == 0:
                os.fchown(handle, status.st_uid, status.st_gid)
            os.fchmod(handle, stat.S_IMODE(status.st_mode))
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
