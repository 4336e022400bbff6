"""Numbers that the benchmark's tables are made of."""

from __future__ import annotations

import pytest

from samples import Sample, fit_line, ratio, select, spread


def sample(
    contender: str = "role", *, part: str = "converged", hosts: int = 1, seconds: float = 1, case: str = ""
) -> Sample:
    return Sample(
        part=part,
        case=case,
        contender=contender,
        hosts=hosts,
        seconds=seconds,
        cpu_seconds=seconds / 2,
        bytes_per_host=2048,
        changed=0,
    )


@pytest.mark.parametrize(
    ("values", "median"),
    [
        pytest.param([3.0], 3.0, id="one"),
        pytest.param([9.0, 1.0, 2.0], 2.0, id="odd"),
        pytest.param([4.0, 1.0, 2.0, 3.0], 2.5, id="even"),
    ],
)
def test_spread_has_middle_and_ends(values: list[float], median: float) -> None:
    found = spread(values)
    assert (found.median, found.least, found.most, found.count) == (median, min(values), max(values), len(values))


def test_spread_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


@pytest.mark.parametrize(
    ("value", "base", "expected"),
    [
        pytest.param(3.0, 2.0, 1.5, id="both"),
        pytest.param(None, 2.0, None, id="not measured"),
        pytest.param(3.0, None, None, id="nothing to compare with"),
        pytest.param(3.0, 0.0, None, id="compared with nothing"),
    ],
)
def test_ratio_is_missing_where_a_number_is(value: float | None, base: float | None, expected: float | None) -> None:
    assert ratio(value, base) == expected


def test_line_goes_through_points_on_a_line() -> None:
    line = fit_line([(1, 5), (4, 11), (16, 35)])
    assert [line.start, line.slope] == pytest.approx([3, 2])
    assert line.at(1000) == pytest.approx(2003)


def test_line_has_the_least_squares() -> None:
    line = fit_line([(0, 0), (1, 2), (2, 1)])
    assert [line.start, line.slope] == pytest.approx([0.5, 0.5])


def test_line_takes_two_points() -> None:
    with pytest.raises(ValueError, match="two points"):
        fit_line([(1, 2), (1, 3)])


def test_select_narrows_by_what_is_named() -> None:
    samples = [sample(), sample(hosts=16), sample("deploy"), sample(part="cold"), sample(case="W1")]
    assert len(select(samples, part="converged", contender="role")) == 3
    assert select(samples, part="converged", contender="role", hosts=16) == [samples[1]]
    assert select(samples, part="converged", contender="role", case="W1") == [samples[4]]
