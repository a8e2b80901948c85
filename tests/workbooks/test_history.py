"""The policy's past in client workbooks: walked once per level of risk, honest about its day, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.backtest import walk_forward
from pyalloc.errors import UncertifiedError
from pyalloc.frontier import SleevePolicy
from pyalloc.marketdata.demo import write_demo_market
from tests.workbooks.cases import RECIPIENT
from workbooks import history
from workbooks.audit import audit
from workbooks.audit.findings import Kind
from workbooks.batch import run_batch
from workbooks.clients import read_clients
from workbooks.engines import make_engine
from workbooks.history import NOT_WALKED, Histories, History, histories_of, history_at
from workbooks.reading import read_content
from workbooks.reading.content import content_of
from workbooks.reading.edited import EditedWorkbook
from workbooks.results import DONE
from workbooks.template.book import facts_of

SHORT = Policy(sleeve=SleevePolicy(history_months=14, minimum_months=12))
"""A policy whose past begins early, so that a few years of prices have one."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    """Return three and a half years of twenty stocks."""
    folder = tmp_path_factory.mktemp("market")
    whole = MarketData.from_path(write_demo_market(folder, years=4, stocks=20))
    return replace(whole, days=whole.days[-900:], closes=whole.closes[-900:])


@pytest.fixture(scope="module")
def last(market: MarketData) -> date:
    day: date = market.days[-1].item()
    return day


@pytest.fixture(scope="module")
def histories(market: MarketData, last: date) -> Histories:
    asked = [("low", None), ("medium", None), (2, last), (5.5, last - timedelta(days=200))]
    return histories_of(market, SHORT, asked)


def test_a_level_has_one_history_whatever_it_is_called(histories: Histories, last: date) -> None:
    assert [(tolerance, day) for tolerance, day in sorted(histories) if day == last] == [
        (0.2, last),
        (0.5, last),
    ]
    assert len(histories) == 3
    assert all(one.walked and one.tolerance == tolerance for (tolerance, _), one in histories.items())


def test_the_sheet_s_formulas_give_the_wealth_of_walk_forward(market: MarketData, last: date) -> None:
    result = walk_forward(market, InvestorProfile(risk=7), SHORT)
    allocation = allocate(market.at(), profile=InvestorProfile(risk=7), policy=SHORT)
    facts = facts_of(allocation, RECIPIENT, history_at(market, SHORT, 7, last))
    months = result.month_ends[1:]
    assert facts["wealth_policy"] == pytest.approx(100.0 * result.wealth[months], rel=1e-10)
    assert facts["backtest_net"] == pytest.approx(result.monthly_returns(result.wealth), abs=1e-10)
    assert facts["stat_table"][0, 0] == pytest.approx(result.statistics.cagr, abs=1e-10)
    assert facts["backtest_months"] == len(months) > 20


@settings(max_examples=5, deadline=None)
@given(back=st.integers(1, 250), factor=st.floats(0.2, 5.0))
def test_nothing_after_its_day_is_in_a_history(back: int, factor: float, market: MarketData) -> None:
    row = len(market.days) - 1 - back
    day = market.days[row].item()
    closes = market.closes.copy()
    closes[row + 1 :] *= np.linspace(1.0, factor, back)[:, None]
    known = history_at(market, SHORT, "high", day)
    told = history_at(replace(market, closes=closes), SHORT, "high", day)
    assert known.months.days[-1] == np.datetime64(day)
    assert told.said == known.said
    for name in ("days", "stress", "weights", "returns", "first_day", "traded"):
        assert np.array_equal(getattr(told.months, name), getattr(known.months, name)), name
    assert np.array_equal(told.others, known.others)


def test_a_history_does_not_depend_on_who_else_is_in_a_run(histories: Histories, market: MarketData) -> None:
    for (tolerance, day), one in histories.items():
        alone = histories_of(market, SHORT, [(10 * tolerance, day)])[tolerance, day]
        assert alone.end == one.end
        assert np.array_equal(alone.months.returns, one.months.returns)


def test_a_market_too_short_for_a_backtest_says_so_and_makes_the_workbook(
    market: MarketData, last: date
) -> None:
    short = replace(market, days=market.days[-400:], closes=market.closes[-400:])
    reasons = {SHORT: "12 months are needed for figures a year", Policy(): "nothing can be decided"}
    for policy, says in reasons.items():
        found = history_at(short, policy, "low", last)
        assert not found.walked
        assert says in found.said[0]
    allocation = allocate(short.at(), profile=InvestorProfile(risk="low"), policy=SHORT)
    for engine in (make_engine("compiled"), make_engine("openpyxl")):
        content, facts = engine(allocation, RECIPIENT, history_at(short, SHORT, "low", last))
        assert facts["checks_failed"] == 0
        assert facts["backtest_months"] == 0
        assert facts["stat_table"][0, 0] == ""
        assert content[:2] == b"PK"


def test_what_fails_later_does_not_take_an_earlier_history_away(
    market: MarketData, last: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk to the end of the market that is refused is walked again to each day by itself."""
    early = last - timedelta(days=300)
    early = market.at(early).as_of
    whole = history._walked
    fails_from = np.datetime64(last - timedelta(days=100))

    def refused(
        market: MarketData, policy: Policy, risks: Iterable[float], *, end: date | None = None, **_: object
    ) -> object:
        if end is None or np.datetime64(end) >= fails_from:
            raise UncertifiedError("the optimality gap is 1E-3")
        return whole(market, policy, risks, end=end)

    monkeypatch.setattr(history, "_walked", refused)
    found = histories_of(market, SHORT, [("medium", early), ("medium", last)])
    assert found[0.5, early].walked
    assert found[0.5, last].said[0] == "There is no history to show: the optimality gap is 1E-3."


def test_days_that_the_market_does_not_have_are_left_to_the_clients_own_refusal(
    market: MarketData,
) -> None:
    assert histories_of(market, SHORT, [("low", date(1999, 1, 4)), ("low", date(2199, 1, 4))]) == {}


# --- in a run, and afterwards -------------------------------------------------------------------------------

CLIENTS = "client_id,name,budget,risk,as_of\nA,Amber,1000,low,\nB,Basalt,2000,2,\nC,Chalk,3000,7.5,{}\n"


def clients(folder: Path, day: date) -> Path:
    path = folder / "clients.csv"
    path.write_text(CLIENTS.format(day), encoding="utf-8")
    return path


def test_a_run_walks_the_levels_of_its_clients_once(
    market: MarketData, last: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[list[float]] = []
    whole = history._walked

    def counted(market: MarketData, policy: Policy, risks: Iterable[float], **how: Any) -> object:
        walks.append(list(risks))
        return whole(market, policy, walks[-1], **how)

    monkeypatch.setattr(history, "_walked", counted)
    day = market.days[-60].item()
    listed = read_clients(clients(tmp_path, day))
    result = run_batch(market, listed, tmp_path / "out", policy=SHORT, jobs=1)
    assert result.counts.done == 3
    assert [len(levels) for levels in walks] == [2]
    for client, months_to in (("A", last), ("B", last), ("C", day)):
        workbook = EditedWorkbook.of(read_content(tmp_path / "out" / f"{client}.xlsx"))
        shown = workbook.history(workbook.inputs)
        assert shown.walked
        assert shown.months.days[-1] == np.datetime64(months_to)


def test_processes_make_the_bytes_that_one_makes(market: MarketData, tmp_path: Path) -> None:
    listed = read_clients(clients(tmp_path, market.days[-60].item()))
    made = [run_batch(market, listed, tmp_path / f"out{jobs}", policy=SHORT, jobs=jobs) for jobs in (1, 2)]
    first, second = ([done.sha256 for done in result.results(DONE)] for result in made)
    assert first == second
    assert len(first) == 3


@pytest.fixture(scope="module")
def workbook(market: MarketData, last: date) -> bytes:
    allocation = allocate(market.at(), profile=InvestorProfile(risk="medium", budget=5000), policy=SHORT)
    return make_engine("compiled")(allocation, RECIPIENT, history_at(market, SHORT, "medium", last))[0]


def same_history(one: History, other: History) -> bool:
    alike = (
        np.allclose(getattr(one.months, name), getattr(other.months, name), rtol=1e-12, atol=1e-15)
        for name in ("stress", "weights", "returns", "first_day", "traded")
    )
    return (
        (one.tolerance, one.said, one.fee, one.least_months)
        == (other.tolerance, other.said, other.fee, other.least_months)
        and all(alike)
        and np.allclose(one.others, other.others, rtol=1e-12)
    )


def test_an_unedited_workbook_keeps_its_history_with_and_without_its_market(
    workbook: bytes, market: MarketData, last: date
) -> None:
    file = EditedWorkbook.of(content_of("client.xlsx", workbook))
    made = history_at(market, SHORT, "medium", last)
    assert same_history(file.history_anew(), made)
    assert same_history(file.history_anew(market), made)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("budget", 9000.0, True),
        ("vix", 40.0, True),
        ("risk_tolerance", "high", False),
        ("tilt_strength", 0.7, False),
    ],
)
def test_without_a_market_a_history_is_kept_only_for_the_inputs_that_it_was_walked_for(
    name: str, value: float | str, kept: bool, workbook: bytes
) -> None:
    file = EditedWorkbook.of(content_of("client.xlsx", workbook))
    file.inputs[next(ref for ref in file.inputs if ref.name == name)] = value  # type: ignore[index]
    found = file.history_anew()
    assert found.walked is kept
    if not kept:
        assert "Recompute with the market" in found.said[0]


def test_with_a_market_an_edited_risk_has_the_history_of_that_risk(
    workbook: bytes, market: MarketData, last: date
) -> None:
    file = EditedWorkbook.of(content_of("client.xlsx", workbook))
    file.inputs[next(ref for ref in file.inputs if ref.name == "risk_tolerance")] = "high"  # type: ignore[index]
    assert same_history(file.history_anew(market), history_at(market, SHORT, "high", last))


def test_an_audit_finds_a_history_as_made_and_another_market_s_not(
    workbook: bytes, market: MarketData
) -> None:
    content = content_of("client.xlsx", workbook)
    assert audit(content).verdict == "as made"
    assert audit(content, market).verdict == "as made"
    closes = market.closes.copy()
    closes[-300:] *= 1.01
    found = audit(content, replace(market, closes=closes)).findings
    assert {f.kind for f in found if f.fact in ("backtest_returns", "backtest_weights")} == {Kind.MARKET}


def test_a_workbook_without_a_backtest_says_so(market: MarketData) -> None:
    allocation = allocate(market.at(), profile=InvestorProfile(), policy=SHORT)
    content, facts = make_engine("compiled")(allocation, RECIPIENT)
    assert facts["backtest_said"][0] == NOT_WALKED
    file = EditedWorkbook.of(content_of("client.xlsx", content))
    assert not file.history(file.inputs).walked
    assert audit(file.content).verdict == "as made"
