"""The law: what a plan promises leaves nothing to plan; for generated declared states and made-up hosts."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from made_up_host import DEBIAN_VERSIONS, MadeUpHost, StandInApply, promised_version
from package_databases import OTHER_TEXT, with_dpkg
from pep668_provision.engine.desired import Desired, VenvEntry, validate
from pep668_provision.engine.observe import observe
from pep668_provision.engine.plan import plan
from pep668_provision.engine.receipt import Receipt
from pep668_provision.engine.requirement import Requirement, normalize_name
from pep668_provision.engine.steps import Plan

EXAMPLES = settings(max_examples=50, deadline=None)

if TYPE_CHECKING:
    Condition = Callable[[MadeUpHost, VenvEntry], object]


def asked(entry: VenvEntry) -> dict[str, str]:
    return {Requirement.parse(text).name: promised_version(text) for text in entry.packages}


def missing(_made_up: MadeUpHost, _entry: VenvEntry) -> None:
    """Nothing is there."""


def empty(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_directory(entry.path)


def whole(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(
        entry.path, asked(entry), receipt=entry, system_site_packages=entry.system_site_packages, recorded=asked(entry)
    )


def without_record(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(entry.path, {"six": "1.16.0"})


def unfinished(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(entry.path, {}, receipt=Receipt(unfinished="create", packages={"six": "1.16.0"}))


def half_built(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(entry.path, {}, seeds={})


def without_base(made_up: MadeUpHost, entry: VenvEntry) -> None:
    whole(made_up, entry)
    made_up.with_link(f"{entry.path}/bin/python", "/usr/bin/python3.7")


def drifted(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(entry.path, asked(entry), receipt=entry, recorded={**asked(entry), "six": "1.16.0"})


def with_an_extra(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(entry.path, {**asked(entry), "six": "1.0"}, receipt=entry, recorded=asked(entry))


def set_aside(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_venv(f"{entry.path}.pep668-old", {"six": "1.16.0"}, receipt=entry)


def built(made_up: MadeUpHost, entry: VenvEntry) -> None:
    made_up.with_build(entry, "0123456789ab", 1, asked(entry), current=True)


def built_and_drifted(made_up: MadeUpHost, entry: VenvEntry) -> None:
    built(made_up, entry)
    made_up.with_build(entry, "aaaaaaaaaaaa", 2, {**asked(entry), "six": "1.16.0"}, current=True)
    made_up.without(f"{entry.path}/lib/python{made_up.python_of().release}/site-packages/six-1.16.0.dist-info")


def builds_without_a_link(made_up: MadeUpHost, entry: VenvEntry) -> None:
    built(made_up, entry)
    made_up.without(entry.path).with_directory(f"{entry.builds_directory}/bbbbbbbbbbbb")


def in_place_beside_builds(made_up: MadeUpHost, entry: VenvEntry) -> None:
    builds_without_a_link(made_up, entry)
    whole(made_up, entry)


CONDITIONS: list[Condition] = [
    built,
    built_and_drifted,
    builds_without_a_link,
    in_place_beside_builds,
    missing,
    empty,
    whole,
    without_record,
    unfinished,
    half_built,
    without_base,
    drifted,
    with_an_extra,
    set_aside,
]
PACKAGES = ["flask==3.0.3", "requests>=2", "PyYAML", "typing-extensions==4.12", "zope.interface"]
OVERRIDE = "[global]\ntimeout = 60\nbreak-system-packages = true\n"
PIP_CONFS = [
    "/etc/xdg/pip/pip.conf",
    "/etc/pip.conf",
    "/root/.pip/pip.conf",
    "/root/.config/pip/pip.conf",
    "/usr/pip.conf",
]
TOOL_CONDITIONS = ["missing", "whole", "older", "broken", "unlinked", "pinned", "set aside"]


@dataclass(frozen=True)
class Scene:
    """A generated host and declared state; ``venvs`` and ``tools`` pair an entry with what there is of it."""

    release: str
    can_create: bool
    pipx: str
    own_pipx: bool
    uv: bool
    venvs: tuple[tuple[dict[str, Any], Condition], ...]
    tools: tuple[tuple[dict[str, Any], str], ...]
    more: dict[str, Any]
    marker: str
    overrides: tuple[str, ...]

    def declared(self, *, backwards: bool = False) -> dict[str, object]:
        step = -1 if backwards else 1
        found: dict[str, object] = dict(self.more)
        found["python_venvs"] = [entry for entry, _ in self.venvs][::step]
        found["python_tools"] = [entry for entry, _ in self.tools][::step]
        found["python_libraries"] = list(self.more.get("python_libraries", []))[::step]
        return found

    @property
    def desired(self) -> Desired:
        return validate(self.declared())

    def build(self, made_up: MadeUpHost) -> None:
        made_up.with_debian(self.release).with_debian_python(ensurepip=self.can_create)
        made_up.with_interpreter("3.12.4", prefix="/usr/local", default=False)
        if self.pipx and DEBIAN_VERSIONS[self.release][2]:
            made_up.with_pipx(self.pipx)
        if self.own_pipx:
            made_up.with_own_program("pipx", "1.15.0")
        if self.uv:
            made_up.with_program("/usr/local/bin/uv")
        self._build_protection(made_up)
        accepted = validate({"python_venvs": [entry for entry, _ in self.venvs]}).venvs
        for position, (_, condition) in enumerate(self.venvs):
            condition(made_up, accepted[position])
        for keys, state in self.tools:
            self._build_tool(made_up, keys, state)

    def _build_protection(self, made_up: MadeUpHost) -> None:
        marker = f"{made_up.python_of().stdlib}/EXTERNALLY-MANAGED"
        if made_up.real(marker).exists():
            with_dpkg(made_up, marker).with_program("/usr/bin/apt-get")
        if self.marker == "missing":
            made_up.without(marker)
        elif self.marker == "changed":
            made_up.with_file(marker, OTHER_TEXT)
        for path in self.overrides:
            made_up.with_file(path, OVERRIDE)

    def _build_tool(self, made_up: MadeUpHost, keys: dict[str, Any], state: str) -> None:
        if state == "missing":
            return
        user = keys.get("scope") == "user"
        home = "/home/alice/.local/share/pipx" if user else "/opt/pipx"
        bin_dir = "/home/alice/.local/bin" if user else "/usr/local/bin"
        name, suffix, spec = str(keys["name"]), str(keys.get("suffix", "")), str(keys.get("spec", keys["name"]))
        version = "0.1" if state == "older" else promised_version(spec)
        inject = {text: promised_version(text) for text in keys.get("inject", ())} if state == "whole" else {}
        made_up.with_tool(
            name,
            version,
            spec=spec,
            home=home,
            bin_dir=bin_dir,
            suffix=suffix,
            inject=inject,
            pinned=state == "pinned",
            links=state not in ("unlinked", "set aside"),
        )
        path = f"{home}/venvs/{normalize_name(name + suffix)}"
        if state == "broken":
            made_up.without(f"{path}/pipx_metadata.json")
        elif state == "set aside":
            made_up.with_directory(f"{home}/.pep668-old")
            made_up.real(path).rename(made_up.real(f"{home}/.pep668-old/{normalize_name(name + suffix)}"))


def keys_of(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def venv_at(path: str) -> st.SearchStrategy[tuple[dict[str, Any], Condition]]:
    entry = keys_of(
        {"path": st.just(path), "packages": st.lists(st.sampled_from(PACKAGES), unique=True, max_size=3)},
        {
            "state": st.sampled_from(["present", "exact", "latest", "absent"]),
            "layout": st.sampled_from(["in_place", "versioned"]),
            "keep": st.sampled_from([1, 2]),
            "python": st.sampled_from(["3.12", "python3.12", "/usr/local/bin/python3.12", "python3"]),
            "owner": st.just("keeper"),
            "system_site_packages": st.booleans(),
            "installer": st.sampled_from(["auto", "pip"]),
        },
    )
    return st.tuples(entry, st.sampled_from(CONDITIONS))


def tool_named(name: str) -> st.SearchStrategy[tuple[dict[str, Any], str]]:
    entry = keys_of(
        {"name": st.just(name)},
        {
            "spec": st.sampled_from([f"{name}==2.0", f"{name}>=0.1", f"{name}[extra]==2.0", name]),
            "state": st.sampled_from(["present", "latest", "absent"]),
            "suffix": st.sampled_from(["", "@2", ".old"]),
            "inject": st.lists(st.sampled_from(["plugin-one", "plugin_two==2"]), unique=True),
            "include_deps": st.booleans(),
            "pinned": st.booleans(),
            "python": st.sampled_from(["3.12", "python3", "3.9"]),
        },
    )
    mine = st.sampled_from([{}, {"scope": "user", "user": "alice"}])
    both = st.tuples(entry, mine).map(lambda pair: {**pair[0], **pair[1]})
    return st.tuples(both, st.sampled_from(TOOL_CONDITIONS))


def some_of(strategies: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[st.none() | one for one in strategies]).map(
        lambda found: tuple(one for one in found if one is not None)
    )


SCENES = st.builds(
    Scene,
    release=st.sampled_from(sorted(DEBIAN_VERSIONS)),
    can_create=st.booleans(),
    pipx=st.sampled_from(["", "1.1.0", "1.7.1", "1.15.0"]),
    own_pipx=st.booleans(),
    uv=st.booleans(),
    venvs=some_of([venv_at("/srv/a/.venv"), venv_at("/srv/b/.venv"), venv_at("/opt/c")]),
    tools=some_of([tool_named("black"), tool_named("ruff")]),
    more=keys_of(
        {},
        {
            "python_libraries": st.lists(st.sampled_from(["requests", "PyYAML", "attrs"]), unique=True),
            "python_uv": st.booleans(),
            "python_pipx_source": st.sampled_from(["auto", "index"]),
            "python_restore_marker": st.booleans(),
            "python_pip_conf_override": st.sampled_from(["keep", "absent"]),
        },
    ),
    marker=st.sampled_from(["intact", "missing", "changed"]),
    overrides=st.lists(st.sampled_from(PIP_CONFS), unique=True).map(tuple),
)


@contextmanager
def host_of(scene: Scene) -> Iterator[MadeUpHost]:
    with tempfile.TemporaryDirectory() as folder:
        made_up = MadeUpHost(Path(folder))
        scene.build(made_up)
        yield made_up


def in_words(planned: Plan) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return sorted((step.action, step.kind, step.name, tuple(sorted(step.reasons))) for step in planned.steps)


@EXAMPLES
@given(SCENES)
def test_what_a_plan_promises_leaves_nothing_to_plan_and_no_process_to_start(scene: Scene) -> None:
    with host_of(scene) as made_up:
        planned = made_up.plan(scene.desired)
        assume(not planned.refusals)
        StandInApply(made_up, scene.desired).take(planned)
        made_up.runner.commands.clear()
        again = made_up.plan(scene.desired)
        assert again.is_empty, (in_words(planned), in_words(again), again.refusals)
        # Only where a pip.conf of it is to be looked at, python3 says what its prefix is.
        asked = {"/usr/bin/python3"} if scene.desired.pip_conf_override == "absent" else set()
        assert set(made_up.runner.started) <= asked


@EXAMPLES
@given(SCENES)
def test_the_same_host_and_state_give_the_same_plan(scene: Scene) -> None:
    with host_of(scene) as made_up:
        found = observe(scene.desired, made_up.host)
        assert plan(scene.desired, found) == plan(scene.desired, found) == made_up.plan(scene.desired)


@EXAMPLES
@given(SCENES)
def test_the_order_of_entries_does_not_matter(scene: Scene) -> None:
    with host_of(scene) as made_up:
        forwards, backwards = made_up.plan(scene.desired), made_up.plan(validate(scene.declared(backwards=True)))
        assert sorted(map(str, forwards.refusals)) == sorted(map(str, backwards.refusals))
        assert in_words(forwards) == in_words(backwards)


@EXAMPLES
@given(SCENES)
def test_every_step_has_reasons_and_observing_asks_each_interpreter_once(scene: Scene) -> None:
    with host_of(scene) as made_up:
        planned = made_up.plan(scene.desired)
        assert all(step.reasons and all(reason.strip() for reason in step.reasons) for step in planned.steps)
        asked_for = Counter(made_up.host.resolve(program) for program in made_up.runner.started)
        assert set(asked_for) <= set(made_up.pythons)
        assert all(times == 1 for times in asked_for.values()), asked_for


@EXAMPLES
@given(SCENES)
def test_observing_and_planning_change_nothing(scene: Scene) -> None:
    with host_of(scene) as made_up:
        before = sorted((str(path), path.lstat().st_mtime_ns) for path in made_up.root.rglob("*"))
        made_up.plan(scene.desired)
        assert sorted((str(path), path.lstat().st_mtime_ns) for path in made_up.root.rglob("*")) == before
