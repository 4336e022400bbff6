"""What bad input is made of, and what must hold whatever comes in.

Below ``given`` each test is decorated with ``inputs(what, times)``, which says how many examples it tries and counts
them in the tally. The short form is the same each time. PROVISION_INPUTS=full tries many more, made from a seed that
the head of the run shows and PROVISION_SEED sets again.
"""

from __future__ import annotations

import functools
import json
import os
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st

from made_up_host import MadeUpHost
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.process import Command, Completed
from tally import Tally

IS_FULL = os.environ.get("PROVISION_INPUTS") == "full"
SEED = int(os.environ.get("PROVISION_SEED") or random.randrange(2**32))
TALLY = Tally()
#: How many times as many examples the full form tries.
MORE = 14

#: A file's content as a test wants it: many samples of few bytes find more than few large ones.
LARGEST = 2000


def inputs(what: str, times: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate what ``given`` decorates next: it tries so many examples, each counted."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def count(*args: Any, **kwargs: Any) -> None:
            TALLY.add("inputs", what)
            test(*args, **kwargs)

        limited = settings(
            max_examples=times * MORE if IS_FULL else times,
            deadline=None,
            derandomize=not IS_FULL,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )(count)
        return seed(SEED)(limited) if IS_FULL else limited

    return decorate


# Texts

#: Each would mean something to a shell, to pip's files, to a path, to a terminal or to a parser, if it were let.
AWKWARD: tuple[str, ...] = (
    *("-r", "-e", "--index-url", "--index-url=http://evil.example/", "--hash=sha256:00", "-", "--", "-x/../y"),
    *(
        " --hash=sha256:00",
        "\n--index-url http://evil.example/",
        "\r-e .",
        "\x0b-r x",
        "\x85-r x",
        "\u2028-e /",
        "\u2029",
    ),
    *("; rm -rf /", "$(touch /tmp/pwned)", "`id`", "${HOME}", "&& id", "| id", "> /etc/x", "*", "?", "~", "~root"),
    *("'", '"', "\\", "'\"'", "\\\n", "#", " #", "%s", "%(x)s", "{0}", "{x}", "{{ x }}", "{% x %}"),
    *("../../../etc/passwd", "..", ".", "/", "//", "/../x", "a/../../b", "/etc/passwd", "~/.ssh", "/dev/zero"),
    *("\x00", "\x1b[2J", "\x7f", "\t", " ", "  x ", "\u200b", "\u202e", "\ufeff", "\u00a0", "\u3000"),
    *(
        "é",
        "e\u0301",
        "\ufb01",
        "\u0130",
        "\u0131",
        "\u00df",
        "\u65e5\u672c\u8a9e",
        "\u0639\u0631\u0628\u0649",
        "\U0001f40d",
        "\ud800",
        "\udcff",
        "\uff13.\uff11\uff12",
        "\u0661",
    ),
    *("0", "-1", "1e400", "NaN", "9" * 5000, "[", "[" * 300, "]", "{", "(", "," * 50, "=", "==", "@", ":", "a" * 4200),
    *("True", "null", "CON", "nul", "a:b", "x y", "http://[::1", "https://u:p@h/", "file://h/x", "file:///x y"),
)
#: By their numbers: Hypothesis prints what a strategy draws from.
_AWKWARD = st.integers(0, len(AWKWARD) - 1).map(AWKWARD.__getitem__)
TEXT = st.one_of(_AWKWARD, st.text(max_size=30), st.text("-._a/ \n\"'$;@[]{}=1", max_size=30))


#: Of an accepted form with something awkward somewhere in it.
def around(*good: str) -> st.SearchStrategy[str]:
    """Good texts, and the same with awkward parts before, behind and inside of them."""
    parts = st.tuples(st.sampled_from(good), _AWKWARD, st.integers(0, 40))

    def put(drawn: tuple[str, str, int]) -> str:
        text, awkward, at = drawn
        at = min(at, len(text))
        return text[:at] + awkward + text[at:]

    return st.one_of(st.sampled_from(good), parts.map(put), TEXT)


SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    st.sampled_from((400, 5000)).map(lambda digits: 10**digits),
    st.just(b"x"),
)
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)


def nested(depth: int) -> Any:
    """A list in a list in a list, so many times."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


# Bytes

_PIECES = (
    b"\x00",
    b"\xff\xfe",
    b"\n",
    b"\r",
    b'"',
    b"'",
    b"[",
    b"{",
    b"}",
    b":",
    b"=",
    b"\\",
    b"-",
    b"../",
    b"\x1b[2J",
    b"\xed\xa0\x80",
    b"9" * 400,
    b"[" * 200,
    b'{"a":' * 120,
    b"NaN",
    b"1e999",
    b"true",
    b"null",
    b"\n--index-url http://evil.example/\n",
    b"$(id)",
)
_CHANGES = st.tuples(
    st.sampled_from(["flip", "cut", "double", "insert", "replace", "swap"]), st.integers(0, 10**9), st.integers(0, 255)
)


def mutated(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Samples with some bytes flipped, cut out, doubled, put in, replaced by what means something, or moved."""
    return st.builds(_mutate, st.sampled_from(list(samples)), st.lists(_CHANGES, max_size=5))


def _mutate(data: bytes, changes: Iterable[tuple[str, int, int]]) -> bytes:
    for change, place, more in changes:
        at = place % (len(data) + 1)
        until = min(len(data), at + 1 + more % 40)
        if change == "flip":
            data = data[:at] + bytes(one ^ (1 << more % 8) for one in data[at : at + 1]) + data[at + 1 :]
        elif change == "cut":
            data = data[:at] + (data[until:] if more % 3 else b"")
        elif change == "double":
            data = data[:until] + data[at:until] * (1 + more % 3) + data[until:]
        elif change == "insert":
            data = data[:at] + bytes([more]) * (1 + place % 3) + data[at:]
        elif change == "replace":
            data = data[:at] + _PIECES[more % len(_PIECES)] + data[until:]
        else:
            data = data[until:] + data[at:until] + data[:at]
    return data[: LARGEST * 20]


def documents(*samples: Any) -> st.SearchStrategy[bytes]:
    """JSON of the form of these samples with other values in some places, and the samples' bytes mutated."""
    texts = [json.dumps(sample).encode() for sample in samples]
    changed = st.builds(_changed_document, st.sampled_from(list(samples)), st.integers(0, 10**6), VALUE, VALUE)
    return st.one_of(changed, changed, mutated(texts))


def _changed_document(sample: Any, place: int, value: Any, other: Any) -> bytes:
    document = json.loads(json.dumps(sample))
    for number, new in ((place, value), (place // 1000, other)):
        spots = list(_spots(document))
        if spots and number % 7 != 6:
            holder, key = spots[number % len(spots)]
            holder[key] = new
    try:
        return json.dumps(document, default=str).encode()
    except (ValueError, RecursionError):
        # The json module has its own limit on the digits of a number.
        return b'{"format": ' + b"9" * 5000 + b"}"


def _spots(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from _spots(value[key])
    elif isinstance(value, list):
        for position in range(len(value)):
            yield value, position
            yield from _spots(value[position])


# What must hold

#: A terminal acts on these, and JSON cannot carry the last ones to every reader.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def refused_or(work: Callable[[], Any]) -> Any:
    """Return what ``work`` does, ``None`` where it is refused in words that can be shown; any other error is a bug."""
    try:
        return work()
    except ProvisionError as error:
        check_words(str(error))
        return None


def check_words(text: str) -> None:
    """Say what is wrong in a message: a traceback, nothing, too much, what a terminal acts on."""
    assert text.strip(), "a refusal without a word"
    assert "Traceback" not in text
    assert not _UNSHOWN.search(text), f"a message with control characters: {text[:300]!r}"
    assert len(text) < 40_000, f"a message of {len(text)} characters: {text[:300]!r}"


#: Every option that the engine spells. One in a command that is not of these, or that stands there oftener than the
#: engine puts it, came in from outside.
_OPTIONS = re.compile(
    r"-I|-S|-m|--upgrade|--require-hashes|--yes|--quiet|--dry-run|--report|-|--ignore-installed|--no-deps|--target|"
    r"--system-site-packages|--without-pip|--default-pip|--no-project|--allow-existing|--python|--no-index|"
    r"--reinstall|--refresh|--upgrade-package|--reinstall-package|--include-deps|--only-binary|--dest|:all:|"
    r"--suffix=[A-Za-z0-9._@+-]+|--python=/[^\x00]*|--query|--whatprovides|--queryformat|--file|"
    r"--option=Dir::Cache::(pkg|src|srcpkg)cache=|--no-all-versions|--cacheonly|--latest-limit=1|--sync|--info|"
    r"--no-refresh|--match-exact|--provides|--exact|--formula|-r|-c|-e|--break-system-packages|--user|--pre"
)


def check_command(command: Command, *, files: int = 1, editables: int = 1, further: Sequence[str] = ()) -> None:
    """No word of a command is an option that the engine did not spell, and none is what no program can be given.

    ``files`` and ``editables`` are how often -r and -e may stand there, ``further`` are words that the user gave pip.
    """
    assert command.argv[0].startswith("/") or "/" not in command.argv[0], command.argv
    words = [word for word in command.argv if word.startswith("-") and word not in further]
    for word in words:
        assert _OPTIONS.fullmatch(word), f"{word!r} in {command.argv}"
    assert words.count("-r") <= files, command.argv
    assert words.count("-e") <= editables, command.argv
    for word in (*command.argv, *(value for value in command.env.values() if value), command.stdin, command.cwd):
        assert "\x00" not in word, command
        word.encode("utf-8")
    for name in ("PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_CERT", "PIP_PROXY"):
        value = command.env.get(name)
        assert value is None or not value.startswith("-"), command.env


def check_lines(content: str) -> None:
    """Every line of a file that an installer gets is one requirement, and brings no option."""
    for line in content.splitlines():
        assert re.match(r"[A-Za-z0-9]", line), f"{line!r} in a file for an installer"
        assert not re.search(r"(^|\s)(-|#)", line), f"{line!r} in a file for an installer"
        assert not re.search(r"\\$", line), f"{line!r} in a file for an installer"


class Stage:
    """A made-up host that lasts: its files are what a test puts there for one example after the other."""

    def __init__(self, build: Callable[[MadeUpHost], MadeUpHost]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bad-input-")
        self.made_up = build(MadeUpHost(Path(self._folder.name)))

    def with_file(self, path: str, content: bytes) -> MadeUpHost:
        self.made_up.runner.commands.clear()
        self.made_up.runner.queries.clear()
        return self.made_up.with_file(path, content)

    @staticmethod
    def host_that_says(stdout: str, stderr: str) -> Host:
        """A host on which every command fails with these words."""
        return replace(stage("uv").made_up.host, runner=lambda command, _: Completed(command, 1, stdout, stderr))


@functools.lru_cache(maxsize=16)
def stage(name: str) -> Stage:
    """The stage of that name, built once."""
    builders: Mapping[str, Callable[[MadeUpHost], MadeUpHost]] = {
        "debian": lambda host: host.with_debian("12").with_debian_python().with_pipx("1.1.0"),
        "uv": lambda host: host.with_debian("13").with_debian_python().with_program("/usr/bin/uv"),
        "venv": lambda host: (
            host.with_debian("12").with_debian_python().with_venv("/srv/app/.venv", {"flask": "3.0.3", "six": "1.16.0"})
        ),
        "tool": lambda host: (
            host.with_debian("12")
            .with_debian_python()
            .with_pipx("1.1.0")
            .with_tool("black", "24.10.0", apps=["black", "blackd", "idle"], inject={"plugin>=1": "1.2"})
        ),
    }
    return Stage(builders[name])
