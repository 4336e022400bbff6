"""The results as Markdown: the report, and the blocks that are written into README.md and docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import engines
from audit_cost import TOOLS, VENVS
from contenders import CONTENDERS, floor_of, peer_of
from growth import DISTRIBUTIONS, ENTRIES, W1_BESIDE, distributions_case, entries_case
from samples import Line, Sample, fit_line, ratio, select, spread
from saved import Results, count_name
from targets import TARGETS, Verdict, judge, seconds_of
from tuning import BESIDE, MITOGEN, SETTINGS

NOTHING = "-"


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None, digits: int = 2) -> str:
    """The number as shown, a dash for none."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def times(value: float | None) -> str:
    return NOTHING if value is None else f"{number(value)} x"


def with_ends(values: Sequence[float], digits: int = 2) -> str:
    """The median, and least and most where there is more than one."""
    if not values:
        return NOTHING
    found = spread(values)
    ends = f" ({number(found.least, digits)} to {number(found.most, digits)})" if found.count > 1 else ""
    return f"{number(found.median, digits)}{ends}"


def replace_block(text: str, name: str, block: str) -> str:
    """The text with the block between its two marker comments. Raises ValueError where they are missing."""
    start, end = f"<!-- {name}: written by scripts/benchmark -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the comments around {name} are missing")
    return f"{before}{start}\n{block.strip()}\n\n{end}{after}"


def runs_table(results: Results, part: str, hosts: int) -> str:
    """All contenders of a part on a number of hosts."""
    rows = []
    for name, contender in CONTENDERS.items():
        found = select(results.samples, part=part, contender=name, hosts=hosts)
        if not found:
            continue
        seconds = spread(one.seconds for one in found).median
        peer, floor = (seconds_of(results.samples, part, other, hosts) for other in (peer_of(name), floor_of(name)))
        row = [contender.label, str(len(found)), with_ends([one.seconds for one in found])]
        row += [times(ratio(seconds, peer)), times(ratio(seconds, floor))]
        row += [number(median(one.cpu_seconds for one in found))]
        row += [number(median(one.bytes_per_host for one in found) / 1024, 0)]
        processes = results.facts.get("processes", {}).get(name)
        row += [NOTHING if processes is None or part != "converged" else str(processes)]
        rows.append(row)
    heading = ["", "runs", "seconds: median (least to most)", "of existing", "of the floor", "controller CPU s"]
    return markdown_table([*heading, "KiB per host", "processes per host"], rows)


def targets_table(verdicts: Sequence[Verdict]) -> str:
    """Each target: what was to be reached, what was measured, whether it is met and why not."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = []
    for one in verdicts:
        digits = 0 if one.target.most >= 10 else 2
        told = "no verdict: below the floor, so other work disturbed it" if one.is_impossible else words[one.is_met]
        told += f": {one.reason}" if one.reason else ""
        most = f"{one.target.most:g} {one.target.unit}"
        rows.append([one.target.name, f"≤ {most}", number(one.value, digits), told])
    return markdown_table(["", "target", "measured", "met"], rows)


def engine_table(results: Results) -> str:
    """What happens on the host in a converged run of the role, and in an audit."""
    sent = results.facts.get("module_bytes", {})
    rows = [[f"`{module}` as sent, bytes", f"{count:,}"] for module, count in sent.items()]
    milliseconds = results.facts.get("milliseconds", {})
    if "W1" in milliseconds:
        rows.append(
            ["engine loaded from the zip that Ansible sends, ms", with_ends(milliseconds["W1"]["import_zip"], 0)]
        )
        rows.append(["engine loaded from files with byte code, ms", with_ends(milliseconds["W1"]["import_files"], 0)])
    for case, values in milliseconds.items():
        rows.append([f"host observed, {case}, ms", with_ends(values["observe"], 0)])
        rows.append([f"host observed and planned, {case}, ms", with_ends(values["look"], 0)])
    audit = results.facts.get("audit")
    if audit is not None:
        rows.append([f"host audited, {VENVS} environments and {TOOLS} tools, s", with_ends(audit["seconds"])])
    return markdown_table(["", "median (least to most)"], rows)


def growth_table(results: Results, cases: Sequence[str], names: Sequence[str], of: str) -> str:
    """Median seconds by case and contender."""
    rows = []
    for case in cases:
        values = [seconds_of(results.samples, "growth", name, case=case) for name in names]
        if any(value is not None for value in values):
            rows.append([case, *map(number, values)])
    return markdown_table([of, *(CONTENDERS[name].label for name in names)], rows)


def by_hosts(results: Results, name: str) -> dict[int, list[Sample]]:
    """The converged runs of W1 by number of hosts, those between from the curve."""
    found = select(results.samples, part="converged", contender=name)
    found += [one for one in select(results.samples, part="growth", contender=name) if one.case == f"{one.hosts} hosts"]
    return {count: [one for one in found if one.hosts == count] for count in sorted({one.hosts for one in found})}


def hosts_table(results: Results) -> str:
    """Median seconds and CPU seconds by number of hosts."""
    names = [name for name in CONTENDERS if name != "role_uv"]
    rows = []
    for count in sorted({count for name in names for count in by_hosts(results, name)}):
        row = [str(count)]
        for name in names:
            found = by_hosts(results, name).get(count, [])
            row.append(number(median(one.seconds for one in found)) if found else NOTHING)
        rows.append(row)
    return markdown_table(["hosts", *(CONTENDERS[name].label for name in names)], rows)


def machine_lines(results: Results) -> str:
    """Where and when each part was measured, and how busy the machine was."""
    rows = [
        [part, one["date"], one["machine"], one["other work"], one["commit"]] for part, one in results.measured.items()
    ]
    versions = {f"{one['system']}, {one['controller']}. Hosts: {one['hosts']}." for one in results.measured.values()}
    lines = [f"- {part}: {date}, {machine}; {busy}; commit {commit}." for part, date, machine, busy, commit in rows]
    return "\n".join([*lines, *(f"- Controller: {told}" for told in sorted(versions))]) + "\n"


def report_block(results: Results) -> str:
    """The generated part of docs/benchmark.md."""
    counts = sorted({one.hosts for one in results.samples if one.part == "converged"})
    names = [name for name in CONTENDERS if name != "role_uv"]
    entries = [entries_case(venvs + tools) for venvs, tools in ENTRIES]
    sections = [machine_lines(results), "## Targets", targets_table(judge(results))]
    for count in counts:
        sections += [f"## W1 converged, {'1 host' if count == 1 else f'{count} hosts'}"]
        sections += [runs_table(results, "converged", count)]
    sections += ["## W1 cold, 1 host", runs_table(results, "cold", 1)]
    sections += ["## On the host", engine_table(results)]
    sections += ["## Growth", "Median seconds of converged runs."]
    sections += [growth_table(results, [W1_BESIDE, *entries], names, "entries on one host")]
    sections += [hosts_table(results)]
    sized = [distributions_case(count) for count in DISTRIBUTIONS]
    sections += [growth_table(results, sized, ["peer_ansible", "role", "deploy"], "in one environment")]
    return "\n\n".join(section.strip() for section in sections)


def readme_block(results: Results) -> str:
    """The short table of README.md."""
    counts = sorted({one.hosts for one in results.samples if one.part == "converged"})
    columns = [("cold", 1), *(("converged", count) for count in counts)]
    rows = []
    for name, contender in CONTENDERS.items():
        values = [seconds_of(results.samples, part, name, hosts) for part, hosts in columns]
        rows.append([contender.label, *(number(value, 1) for value in values)])
    words = ["1 host" if hosts == 1 else f"{hosts} hosts" for _, hosts in columns]
    heading = ["median seconds", *(f"{part}, {hosts}" for (part, _), hosts in zip(columns, words, strict=True))]
    verdicts = judge(results)
    missed = [one.target.name for one in verdicts if one.is_met is False]
    told = f"{sum(one.is_met is True for one in verdicts)} of {len(TARGETS)} targets are met"
    told += f"; missed: {'; '.join(missed)}." if missed else "."
    machine = results.measured.get(count_name(1), {})
    where = f"Measured {machine.get('date')} on {machine.get('machine')}; {machine.get('other work')}."
    return f"{markdown_table(heading, rows)}\n{where} {told}"


def cpu_line(results: Results, name: str) -> Line | None:
    """Controller CPU seconds by number of hosts, None with fewer than two numbers of hosts."""
    points = [
        (float(count), median(one.cpu_seconds for one in found)) for count, found in by_hosts(results, name).items()
    ]
    return fit_line(points) if len(points) > 1 else None


def scale_block(results: Results, hosts: int = 1000) -> str:
    """The generated part of docs/scale.md: CPU by host, what many hosts take, what settings do."""
    rows = []
    for name, contender in CONTENDERS.items():
        line = cpu_line(results, name)
        if line is not None:
            total = line.at(hosts)
            per_core = [number(total / cores / 60, 1) for cores in (2, 8, 32)]
            rows.append([contender.label, number(line.start), number(line.slope, 3), number(total, 0), *per_core])
    heading = ["converged W1", "CPU s to start", "CPU s per host", f"CPU s, {hosts:,} hosts"]
    heading += ["minutes, 2 cores", "8 cores", "32 cores"]
    blocks = [markdown_table(heading, rows)]
    for name, cases in SETTINGS.items():
        base = seconds_of(results.samples, "tuning", name, case=BESIDE)
        rows = []
        for case in [*cases, MITOGEN]:
            found = select(results.samples, part="tuning", contender=name, case=case)
            if found:
                seconds = [one.seconds for one in found]
                cpu = number(median(one.cpu_seconds for one in found))
                rows.append([case, with_ends(seconds), times(ratio(median(seconds), base)), cpu])
        if rows:
            count = max(one.hosts for one in select(results.samples, part="tuning", contender=name))
            heading = [f"{CONTENDERS[name].label}, {count} hosts", "seconds", "", "controller CPU s"]
            blocks.append(markdown_table(heading, rows))
    return "\n".join(blocks)


def engines_block(results: Results) -> str:
    """The table of docs/scale.md that compares engines: CPU seconds on few and many hosts, and of each further one."""
    counts = sorted({one.hosts for one in results.samples if one.part == engines.PART})
    rows = []
    for name, label in engines.ENGINES.items():
        spent = {
            count: [one.cpu_seconds for one in select(results.samples, part=engines.PART, contender=name, hosts=count)]
            for count in counts
        }
        points = [(float(count), median(values)) for count, values in spent.items() if values]
        slope = number(fit_line(points).slope, 3) if len(points) > 1 else NOTHING
        rows.append([label, *(with_ends(values) for values in spent.values()), slope])
    heading = ["CPU s of one converged run", *(count_hosts(count) for count in counts), "each further host"]
    told = results.measured.get(engines.PART, {})
    where = f"Measured {told.get('date')} on {told.get('machine')}; {told.get('other work')}."
    return f"{markdown_table(heading, rows)}\n{where}"


def count_hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"
