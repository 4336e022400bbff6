"""Run by a test host's own Python: real pips against markers, calls and configurations, and what the engine foretold.

    python3 pip_matrix.py FOLDER <description.json      drives one process for each pip, two at a time
    python3 pip_matrix.py FOLDER NAME                   is such a process: a batch a line in, its results a line out

FOLDER has the engine as ``engine`` and each pip unpacked as ``pips/NAME``. A pip is imported once; each case is a
fork that sets up its environment, asks the engine what would happen, and calls pip's own ``main``. See
test_real_pips.py for the description.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

Case = dict[str, Any]
LIBRARY = "lib/python{}.{}".format(*sys.version_info)
NOBODY = 65534
AT_A_TIME = 2

# How a pip ended, by its exit status and words it says; the first that fits counts.
ENDINGS = (
    (0, "", "allowed"),
    (1, "externally-managed-environment", "blocked"),
    (2, "no such option", "unsupported: option"),
    (2, "is not a valid value for", "unsupported: value"),
    (2, "onfiguration file", "unsupported: configuration"),
    (2, "configparser.Duplicate", "unsupported: broke off"),
    (3, "Could not find an activated virtualenv", "unsupported: virtualenv"),
    (1, "Can not combine", "unsupported: combination"),
    (1, "Cannot set --home and --prefix together", "unsupported: combination"),
    (2, "AssertionError: home=", "unsupported: combination"),
)
# The same of a prediction: words of its reason.
REASONS = (
    (" has no option ", "option"),
    (", which pip refuses.", "value"),
    (" is not a valid configuration file", "configuration"),
    ("pip breaks off ", "broke off"),
    (" outside of virtual environments ", "virtualenv"),
    ("pip does not combine ", "combination"),
)


# Driving the pips.


class Pip:
    """A process that has imported one version."""

    def __init__(self, folder: Path, name: str, wheel: str) -> None:
        self.name = name
        self.wheel = wheel
        self.home = folder / "homes" / name
        lay_out(self.home)
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(folder), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Without a PATH pip starts no lsb_release and no rustc to tell an index of.
            env={"HOME": str(self.home), "PATH": "/nowhere", "LC_ALL": "C.UTF-8"},
            text=True,
        )

    def run(self, batch: Case) -> list[Case]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**batch, "wheel": self.wheel}) + "\n")
        self.process.stdin.flush()
        results: list[Case] = json.loads(self.process.stdout.readline())
        return results

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def drive(folder: Path, description: Case) -> Case:
    """Every case has run with every pip; returns the results, the seconds it took, and whether all is as before."""
    marker = Path(sys.base_prefix) / LIBRARY / "EXTERNALLY-MANAGED"
    kept = marker.read_bytes()
    started = time.monotonic()
    pips = [Pip(folder, *one) for one in description["pips"]]
    results: list[Case] = []
    try:
        with ThreadPoolExecutor(AT_A_TIME) as executor:
            for batch in description["batches"]:
                set_marker(marker, description["markers"][batch["marker"]])
                written = write_files(batch["files"])
                asked = [pip for pip in pips if pip.name in batch["pips"]]
                for found in executor.map(Pip.run, asked, [batch] * len(asked)):
                    results += found
                for path in written:
                    remove(path)
    finally:
        for pip in pips:
            pip.stop()
        remove(marker)
        marker.write_bytes(kept)
    return {"results": results, "seconds": time.monotonic() - started}


def set_marker(path: Path, state: Case) -> None:
    remove(path)
    if "link" in state:
        path.symlink_to(state["link"])
    elif "folder" in state:
        path.mkdir()
    elif "text" in state:
        path.write_text(state["text"])
        path.chmod(state.get("mode", 0o644))


def write_files(files: dict[str, str | None]) -> list[Path]:
    """Those that are no user's are there; one without a text is a folder, one of bytes has them as Latin-1."""
    written = [Path(path) for path in files if path.startswith("/")]
    for path in written:
        write_file(path, files[str(path)])
    return written


def write_file(path: Path, text: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text.encode("latin-1"))


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# Being a pip.


def lay_out(home: Path) -> None:
    """A home with nothing in it but the folder of the user's packages."""
    for path in home.iterdir() if home.is_dir() else ():
        remove(path)
    (home / ".local" / LIBRARY / "site-packages").mkdir(parents=True)


def serve(folder: Path, name: str) -> None:
    """Batches come in and results go out until there are no more."""
    sys.path[:0] = [str(folder / "pips" / name), str(folder)]
    shorten_certificates(folder / "pips" / name)
    importlib.import_module("pip._internal.cli.main")
    commands = importlib.import_module("pip._internal.commands")
    for command in ("install", "uninstall"):
        commands.create_command(command)
    foretell = prepare_engine()
    gc.freeze()
    for line in sys.stdin:
        batch = json.loads(line)
        print(json.dumps([run_case(batch, call, name, foretell) for call in batch["calls"]]), flush=True)


def shorten_certificates(folder: Path) -> None:
    """Of the authorities that pip brings one is left: no case needs a network, and reading all takes a third of one."""
    for path in folder.glob("pip/_vendor/certifi/cacert.pem"):
        end = "-----END CERTIFICATE-----\n"
        path.write_text(path.read_text().partition(end)[0] + end)


def prepare_engine() -> Any:
    """Returns what foretells a call in the environment it is asked in."""
    engine = {
        name: importlib.import_module(f"engine.{name}")
        for name in ("host", "interpreter", "pip_call", "pip_facts", "pip_policy")
    }
    pip = importlib.import_module("pip")
    found = engine["interpreter"].Interpreters(engine["host"].Host()).probe(sys.executable)
    ours = engine["pip_policy"].Pip(str(pip.__version__), str(Path(str(pip.__file__)).parent))
    interpreter = dataclasses.replace(found, pip=ours)

    def foretell(command: str, options: list[str]) -> Any:
        facts = engine["pip_facts"].observe_pip_facts(engine["host"].Host(), interpreter)
        return engine["pip_policy"].predict(facts, engine["pip_call"].Call(command, tuple(options)))

    return foretell


def run_case(batch: Case, call: str, name: str, foretell: Any) -> Case:
    """One call has been foretold and made; what it left is gone."""
    home = Path(os.environ["HOME"])
    for path in batch["files"]:
        if path.startswith("~/"):
            write_file(home / path[2:], batch["files"][path])
    command, *flags = call.split(" ")
    options = [flag[2:] for flag in flags]
    if command == "uninstall":
        with zipfile.ZipFile(batch["wheel"]) as archive:
            archive.extractall(home / ".local" / LIBRARY / "site-packages")
    if batch.get("unprivileged"):
        give_to_nobody(home)
    arguments = [command, *arguments_of(command, options, home, batch["wheel"])]
    output, words = home / "output", home / "foretold"
    child = os.fork()
    if not child:
        be_pip(batch, arguments, lambda: foretell(command, options), output, words)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = output.read_text(errors="replace") if output.exists() else ""
    told = json.loads(words.read_text()) if words.exists() else {"outcome": "nothing", "reason": said}
    for module in told.get("modules", ()):
        import_once(module)
    remove_what_was_installed(batch["wheel"])
    lay_out(home)
    result = judge(told, status, said)
    return {"pip": name, "marker": batch["marker"], "override": batch["override"], "call": call, **result}


def import_once(name: str) -> None:
    """What a case had to import is there for those after it, where it can be."""
    if name not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def give_to_nobody(home: Path) -> None:
    for folder, _, names in os.walk(home):
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            os.chown(path, NOBODY, NOBODY)


def arguments_of(command: str, options: list[str], home: Path, wheel: str) -> list[str]:
    values = {name: [str(home / name)] for name in ("target", "prefix", "root")} | {"report": ["/dev/null"]}
    arguments = [word for name in options for word in (f"--{name}", *values.get(name, ()))]
    if command == "uninstall":
        return [*arguments, "--yes", Path(wheel).name.split("-")[0].replace("_", "-")]
    return [*arguments, "--no-index", "--no-deps", "--no-compile", wheel]


def be_pip(batch: Case, arguments: list[str], foretell: Any, output: Path, words: Path) -> None:
    """In the fork: never returns."""
    status = 99
    try:
        os.environ.update(batch["environment"])
        os.chdir("/")
        if batch.get("unprivileged"):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        streams = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        nothing = os.open("/dev/null", os.O_RDONLY)
        for stream, target in ((nothing, 0), (streams, 1), (streams, 2)):
            os.dup2(stream, target)
        told = dataclasses.asdict(foretell())
        before = set(sys.modules)
        sys.argv = ["pip", *arguments]
        try:
            status = importlib.import_module("pip._internal.cli.main").main(arguments)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        told["modules"] = sorted(set(sys.modules) - before)
        words.write_text(json.dumps(told))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001, RUF100  # whatever it is, the fork must not go on as the parent
        os.write(2, repr(error).encode())
        status = 98
    finally:
        os._exit(status)


def remove_what_was_installed(wheel: str) -> None:
    module = Path(wheel).name.split("-")[0]
    for folder in (path for path in sys.path if path.endswith("-packages")):
        for path in Path(folder).glob(f"{module}*"):
            remove(path)


def judge(told: Case, status: int, said: str) -> Case:
    """What was foretold and what happened, in the same words; with what was said where they differ."""
    foretold = told["outcome"]
    if foretold == "unsupported":
        foretold += ": " + next((name for words, name in REASONS if words in told["reason"]), told["reason"])
    happened = next((name for code, words, name in ENDINGS if code == status and words in said), f"status {status}")
    agrees = foretold == happened and bool(told["reason"])
    if happened == "blocked":
        # An empty or damaged marker makes pip say its own text.
        text = told["message"] or "Python environment under"
        agrees = agrees and squeeze(text) in squeeze(said)
    result = {"foretold": foretold, "happened": happened, "agrees": agrees}
    return result if agrees else {**result, "told": told, "said": said[-1500:]}


def squeeze(text: str) -> str:
    """The text without what a terminal adds: blanks, breaks and the frame."""
    return "".join(text.split()).replace("╰─>", "").replace("│", "")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        serve(Path(sys.argv[1]), sys.argv[2])
    else:
        json.dump(drive(Path(sys.argv[1]), json.load(sys.stdin)), sys.stdout)
