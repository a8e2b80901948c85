"""``=DYNALLOC_WEIGHTS()`` in a client workbook: read from its names, computed only where they change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import load_workbook

from addin.excel import answers
from addin.excel.answers import ERROR_MARK
from pyalloc import InvestorProfile, allocate
from tests.addin.xlwings_stack import Date, FakeBook, FakeRange, from_cell
from workbooks.engines import make_engine
from workbooks.template.facts import Recipient


def cells_of_names(xlsx):
    """Return {name: cells} of a workbook, as Excel hands them over."""
    workbook = load_workbook(BytesIO(xlsx), data_only=True)
    cells = {}
    for name, defined in workbook.defined_names.items():
        ((sheet, area),) = defined.destinations
        block = workbook[sheet][area.replace("$", "")]
        rows = block if isinstance(block, tuple) else ((block,),)
        values = tuple(tuple(number_or_text(cell.value) for cell in row) for row in rows)
        cells[name] = values if len(values) * len(values[0]) > 1 else values[0][0]
    return cells


def number_or_text(value):
    """Return a cell's value as Excel hands it over, where every number is a float."""
    return float(value) if type(value) is int else value


@pytest.fixture(scope="module")
def allocations(demo_market):
    view = demo_market.at()
    return {
        "high": allocate(view, profile=InvestorProfile("high", 250_000.0)),
        "low": allocate(view, profile=InvestorProfile("low", 1_000_000.0)),
    }


@pytest.fixture(scope="module")
def names(allocations):
    engine = make_engine("compiled")
    return {
        risk: cells_of_names(engine(allocation, Recipient(risk, risk))[0])
        for risk, allocation in allocations.items()
    }


@pytest.fixture
def computed(monkeypatch):
    """Return a list that grows with every answer that is computed, none being kept from before."""
    calls = []

    def counted(*arguments):
        calls.append(arguments[0])
        return answer(*arguments)

    answer = answers.answer
    monkeypatch.setattr(answers, "answer", counted)
    monkeypatch.setattr(answers, "_kept", answers.KeptAnswers())
    return calls


def weights(cells):
    return from_cell("DYNALLOC_WEIGHTS", book=FakeBook(cells))


@pytest.mark.parametrize("risk", ["high", "low"])
def test_without_arguments_the_weights_are_those_of_the_workbook(risk, names, allocations):
    trace = allocations[risk].trace
    rows = weights(names[risk])
    assert [row[0] for row in rows] == list(trace["holding_ticker"])
    assert [row[2] for row in rows] == pytest.approx(list(trace["holding_weight"]), abs=1e-9)
    assert [row[3] for row in rows] == pytest.approx(list(trace["holding_amount"]), abs=1e-6)


def test_two_open_workbooks_never_mix_their_names(names, computed):
    alone = {risk: weights(cells) for risk, cells in names.items()}
    assert alone["high"] != alone["low"]
    books = {risk: FakeBook(cells, Name="Book1.xlsx") for risk, cells in names.items()}
    for risk in ("high", "low", "low", "high", "high", "low"):
        assert from_cell("DYNALLOC_WEIGHTS", book=books[risk]) == alone[risk]
    assert len(computed) == 2


def test_what_did_not_change_is_not_computed_again(names, computed):
    for _ in range(5):
        weights(dict(names["high"]))
    assert len(computed) == 1


def test_every_name_that_is_read_counts(names, computed):
    before = weights(names["high"])
    b = names["high"]["constraint_b"]
    changed = {**names["high"], "constraint_b": ((2.0 * b[0][0],), *b[1:])}
    after = weights(changed)
    assert len(computed) == 2
    assert sum(row[3] for row in after) == pytest.approx(2.0 * sum(row[3] for row in before))
    assert weights(names["high"]) == before
    assert len(computed) == 2


def test_each_name_is_read_once_a_call(names, computed):
    book = FakeBook(names["high"])
    from_cell("DYNALLOC_WEIGHTS", book=book)
    assert set(book.reads.values()) == {1}
    from_cell("DYNALLOC_WEIGHTS", book=book)
    assert set(book.reads.values()) == {2}
    assert len(computed) == 1


@pytest.mark.parametrize("value", [True, "0.1", None, Date(2016, 12, 30, tzinfo=dt.UTC), -2146826246])
def test_a_name_that_holds_no_number_is_refused_however_often_it_was_one(value, names):
    assert isinstance(weights(names["high"]), list)
    shown = weights({**names["high"], "r_adj": value})
    assert shown.startswith(f"{ERROR_MARK} #VALUE! r_adj is ")


def test_money_in_a_name_has_every_digit(names):
    budget = names["high"]["constraint_b"]
    money = ((Decimal(repr(budget[0][0])),), *budget[1:])
    assert weights({**names["high"], "constraint_b": money}) == weights(names["high"])


def test_a_workbook_without_the_names_is_told_so(names):
    shown = weights({"vix": 20.0})
    assert shown.startswith(f"{ERROR_MARK} #N/A this workbook has no name ")
    incomplete = {name: cells for name, cells in names["high"].items() if name != "covariance"}
    assert "has no name covariance" in weights(incomplete)


def test_the_sentence_behind_it_reads_the_names_too(names):
    book = FakeBook(names["high"])
    assert from_cell("DYNALLOC_WHY", "DYNALLOC_WEIGHTS", book=book) == "The call returns a value."
    assert "no name" in from_cell("DYNALLOC_WHY", "DYNALLOC_WEIGHTS", book=FakeBook({}))


def test_one_empty_cell_is_no_argument(names):
    book = FakeBook(names["high"])
    assert from_cell("DYNALLOC_WEIGHTS", FakeRange(None), book=book) == weights(names["high"])
