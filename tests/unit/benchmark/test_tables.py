"""What the benchmark writes: tables, blocks in documents, the picture, kept results."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from checkout import CHECKOUT
from contenders import CONTENDERS
from picture import Bar, Panel, draw, panels_of
from publish import NEEDED, missing_parts
from samples import Sample
from saved import Results, load
from tables import (
    engines_block,
    markdown_table,
    number,
    readme_block,
    replace_block,
    report_block,
    scale_block,
    with_ends,
)
from targets import REASONS, TARGETS, judge

MACHINE = {
    "date": "2026-01-02",
    "machine": "2 cores",
    "other work": "no other work",
    "commit": "abc1234",
    "system": "Linux",
    "controller": "Python",
    "hosts": "Debian",
}
SECONDS = {
    "floor_ansible": 1.0,
    "peer_ansible": 12.0,
    "role": 1.2,
    "role_uv": 1.25,
    "floor_pyinfra": 0.5,
    "peer_pyinfra": 3.0,
    "deploy": 1.0,
}


def run(part: str, contender: str, seconds: float, *, hosts: int = 1, case: str = "") -> Sample:
    return Sample(
        part=part,
        case=case,
        contender=contender,
        hosts=hosts,
        seconds=seconds,
        cpu_seconds=seconds / 2,
        bytes_per_host=4096,
        changed=0,
    )


@pytest.fixture
def results() -> Results:
    """All contenders on 1 and 16 hosts, where 16 take twice as long, and cold runs that take ten times as long."""
    samples = []
    for name, seconds in SECONDS.items():
        samples += [run("converged", name, seconds + more) for more in (0, 0.1, -0.1)]
        samples += [run("converged", name, seconds * 2, hosts=16)]
        samples += [] if name.startswith("floor") else [run("cold", name, seconds * 10)]
        samples += [run("growth", name, seconds, case=case) for case in ("W1", "150 entries")]
    facts = {
        "processes": dict.fromkeys(SECONDS, 7),
        "module_bytes": {"pep668.provision.plan": 140_000},
        "milliseconds": {"W1": {"import_zip": [70.0], "import_files": [50.0], "observe": [20.0], "look": [21.0]}},
        "audit": {"seconds": [0.5, 0.3, 0.4], "findings": []},
    }
    return Results(samples, facts, dict.fromkeys(NEEDED, MACHINE))


def test_table_is_markdown() -> None:
    assert markdown_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        pytest.param([], "-", id="not measured"),
        pytest.param([1.234], "1.23", id="once"),
        pytest.param([1.0, 2.0, 4.0], "2.00 (1.00 to 4.00)", id="often"),
    ],
)
def test_median_is_shown_with_its_ends(values: list[float], shown: str) -> None:
    assert with_ends(values) == shown


def test_number_has_its_digits() -> None:
    assert (number(1234.5, 0), number(None)) == ("1,234", "-")


def test_block_is_replaced_between_its_comments() -> None:
    text = "before\n<!-- x: written by scripts/benchmark -->\nold\n<!-- end of x -->\nafter\n"
    once = replace_block(text, "x", "new\n")
    assert once == "before\n<!-- x: written by scripts/benchmark -->\n\nnew\n\n<!-- end of x -->\nafter\n"
    assert replace_block(once, "x", "new") == once


def test_block_without_its_comments_is_an_error() -> None:
    with pytest.raises(ValueError, match="comments around x"):
        replace_block("text", "x", "new")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("docs/benchmark.md", "results"),
        ("docs/scale.md", "measured"),
        ("docs/scale.md", "engines"),
        ("README.md", "speed"),
    ],
)
def test_documents_have_the_comments(path: str, name: str) -> None:
    replace_block((CHECKOUT / path).read_text(), name, "new")


def test_engines_are_compared_by_what_a_further_host_costs(results: Results) -> None:
    samples = [run("engines", "playbook", 2.0 + more, hosts=hosts) for hosts, more in ((1, 0.0), (9, 4.0))]
    results.replace_part("engines", [*samples, run("engines", "pull", 6.0)], {}, MACHINE)
    lines = engines_block(results).splitlines()
    assert lines[0] == "| CPU s of one converged run | 1 host | 9 hosts | each further host |"
    assert "| `ansible-playbook` | 1.00 | 3.00 | 0.250 |" in lines
    assert "| `ansible-pull` | 3.00 | - | - |" in lines


def test_report_tells_ratios_to_peer_and_floor(results: Results) -> None:
    line = next(line for line in report_block(results).splitlines() if "this project's role |" in line)
    assert "| 3 | 1.20 (1.10 to 1.30) | 0.10 x | 1.20 x | 0.60 | 4 | 7 |" in line


def test_an_audit_is_told_and_held_against_its_target(results: Results) -> None:
    name = "host audited, 20 environments and 9 tools"
    assert f"| {name}, s | 0.40 (0.30 to 0.50) |" in report_block(results)
    assert f"| {name} | ≤ 2 s | 0.40 | yes |" in report_block(results)


def test_target_that_is_missed_is_said_to_be_with_its_reason(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REASONS, "engine loaded on the host, as sent", "it is slow")
    assert "| ≤ 60 ms | 70 | **no**: it is slow |" in report_block(results)
    assert "missed: " in readme_block(results)


def test_reasons_are_of_targets() -> None:
    assert set(REASONS) <= {target.name for target in TARGETS}


def test_target_that_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {one.is_met for one in judge(Results())} == {None}


def test_run_below_its_floor_is_no_success(results: Results) -> None:
    results.replace_part("converged", [run("converged", "floor_ansible", 9), run("converged", "role", 5)], {}, MACHINE)
    verdict = judge(results)[0]
    assert (verdict.is_met, verdict.is_impossible) == (None, True)
    assert "no verdict" in report_block(results)


def test_many_hosts_are_computed_from_the_curve(results: Results) -> None:
    # 0.6 CPU seconds on one host, 1.2 on sixteen: 0.04 each, and 0.56 to start.
    line = next(line for line in scale_block(results).splitlines() if line.startswith("| this project's role |"))
    assert line.startswith("| this project's role | 0.56 | 0.040 | 41 |")


def test_picture_is_xml_with_a_bar_for_each_number_and_a_text_for_those_who_do_not_see_it(results: Results) -> None:
    root = ET.fromstring(draw(panels_of(results), "a <note>"))  # noqa: S314  # our own
    svg = "{http://www.w3.org/2000/svg}"
    assert len(list(root.iter(f"{svg}rect"))) == len(CONTENDERS) * 2 + 5
    assert root.get("role") == "img"
    said = root.findtext(f"{svg}desc") or ""
    assert "Ansible, existing modules 12.0" in said
    assert "prefers-color-scheme: dark" in (root.findtext(f"{svg}style") or "")


def test_bars_are_as_long_as_their_numbers() -> None:
    root = ET.fromstring(draw([Panel("p", [Bar("a", 10, "peer"), Bar("b", 5, "ours")])], ""))  # noqa: S314  # our own
    long, short = (float(bar.get("width", 0)) for bar in root.iter("{http://www.w3.org/2000/svg}rect"))
    assert long == pytest.approx(2 * short, abs=0.1)


def test_a_part_that_is_repeated_replaces_its_earlier_results(results: Results, tmp_path: Path) -> None:
    results.replace_part("converged", [run("converged", "role", 9, hosts=16)], {}, MACHINE | {"date": "2026-02-03"})
    assert [one.seconds for one in results.samples if one.part == "converged" and one.hosts == 16] == [9]
    assert len([one for one in results.samples if one.part == "converged" and one.hosts == 1]) == 3 * len(SECONDS)
    assert results.measured["converged on 16 hosts"]["date"] == "2026-02-03"
    assert results.measured["converged on 1 host"] == MACHINE
    results.save(tmp_path / "kept.json")
    kept = load(tmp_path / "kept.json")
    assert sorted(map(str, kept.samples)) == sorted(map(str, results.samples))
    assert (kept.facts, kept.measured) == (results.facts, results.measured)


def test_documents_wait_for_every_part(results: Results) -> None:
    assert missing_parts(results) == []
    assert missing_parts(Results()) == list(NEEDED)
