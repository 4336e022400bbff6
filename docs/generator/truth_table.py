"""The table of docs/how_it_decides.md: what each pip does, as the engine foretells it.

``python -m docs.generator.truth_table`` writes it into the page; a test holds the page to it.
"""

from __future__ import annotations

from checkout import CHECKOUT
from pep668_provision.engine.marker import Marker
from pep668_provision.engine.pip_call import INSTALL, Call
from pep668_provision.engine.pip_config import ENVIRONMENT, VARIABLE, PipConfiguration, Setting
from pep668_provision.engine.pip_policy import PipFacts, predict
from pep668_provision.engine.pip_release import CHECKS_MARKER_SINCE, OVERRIDE, OVERRIDE_SINCE, Pip

PAGE = CHECKOUT / "docs" / "how_it_decides.md"
BEGIN, END = "<!-- truth table: written by python -m docs.generator.truth_table -->\n", "<!-- end of truth table -->\n"

_PATH = "/usr/lib/python3/EXTERNALLY-MANAGED"
#: One pip of each kind, by how the kind is called.
_PIPS = {
    f"before {CHECKS_MARKER_SINCE}": "22.3.1",
    CHECKS_MARKER_SINCE: CHECKS_MARKER_SINCE,
    f"{OVERRIDE_SINCE} and later": OVERRIDE_SINCE,
}
#: Whether the marker is there, and whether it is a virtual environment.
_PLACES = {"marked": ("valid", False), "not marked": ("absent", False), "virtual environment": ("valid", True)}
_VARIABLE = PipConfiguration((Setting(ENVIRONMENT, OVERRIDE, "1", VARIABLE, is_users=True),))
_FILE = PipConfiguration((Setting("global", OVERRIDE, "true", "/etc/pip.conf"),))
_COLUMNS = {
    "`pip install`": (INSTALL, PipConfiguration()),
    "`--user`": (Call("install", ("user",)), PipConfiguration()),
    f"`--{OVERRIDE}`": (Call("install", (OVERRIDE,)), PipConfiguration()),
    f"`{VARIABLE}=1`": (INSTALL, _VARIABLE),
    "the same in `pip.conf`": (INSTALL, _FILE),
    "`--target`, `--prefix`, `--root`": (Call("install", ("target",)), PipConfiguration()),
    "`pip uninstall`": (Call("uninstall"), PipConfiguration()),
}


def truth_table() -> str:
    """The table as Markdown."""
    lines = [f"| Python | pip | {' | '.join(_COLUMNS)} |", f"|---|---|{'---|' * len(_COLUMNS)}"]
    for place, (state, is_venv) in _PLACES.items():
        for title, version in _PIPS.items():
            words = [
                predict(
                    PipFacts(Pip(version, "/pip"), Marker(_PATH, state), configuration, is_venv, sees_user_site=False),
                    call,
                ).outcome
                for call, configuration in _COLUMNS.values()
            ]
            lines.append(f"| {place} | {title} | {' | '.join(words)} |")
    return "".join(f"{line}\n" for line in lines)


def page_with_table() -> str:
    """The page as it has to be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{truth_table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table())
