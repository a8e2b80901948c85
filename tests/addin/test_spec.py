"""The registry says what a cell can call, as designed; what no spreadsheet could call is refused at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin import spec
from addin.portfolio import Names
from addin.reference import reference, shown, signature
from addin.spec import LONGEST_TEXT, REGISTRY, Choice, Kind, Number, Text, Texts, Vector, spreadsheet_function

ROOT = Path(__file__).resolve().parents[2]

SIGNATURES = (
    "=DYNALLOC_WEIGHTS([universe], [macro], [A], [b], [risk], [cov])",
    "=CATEGORY_SOLVE(A, b, [lower], [upper])",
    "=CATEGORY_EXPLAIN(A, b)",
    "=ADJ_RETURN(r, risk)",
    "=DYNALLOC_STRESS(vix, gdp_growth, yield_spread)",
    "=DYNALLOC_REGIME(stress)",
    "=DYNALLOC_RECESSION(spread_10y_3m)",
    "=DYNALLOC_TILTS(sectors, stress, [defensiveness])",
    "=DYNALLOC_MATRIX(risk, macro, budget)",
    "=DYNALLOC_MOMENTUM(prices, [lookback], [skip])",
    "=DYNALLOC_STOCKS(scores, [sectors], [stress], [cap])",
    "=DYNALLOC_FRONTIER(mu, cov, [points], [cap])",
    "=DYNALLOC_TARGET(mu, cov, r, [anchor], [cap], [floor])",
    "=DYNALLOC_TARGET_STATUS(mu, cov, r, [anchor], [cap], [floor])",
    "=DYNALLOC_RISK(weights, cov)",
    "=DYNALLOC_STATS(values, [periods_per_year])",
    "=DYNALLOC_WHY(function, "
    + ", ".join(f"[argument_{place}]" for place in range(1, 7))
    + ")",
    "=DYNALLOC_VERSION()",
)  # fmt: skip
"""What callers rely on: names, order, and what may be left out."""

each_function = pytest.mark.parametrize("function", REGISTRY.values(), ids=REGISTRY)


# --- what is declared -----------------------------------------------------------------------------------


def test_the_functions_are_those_that_callers_rely_on():
    assert sorted(map(signature, REGISTRY.values())) == sorted(SIGNATURES)


@each_function
def test_a_name_shows_its_family_and_is_no_cell_reference(function):
    assert re.fullmatch(r"(DYNALLOC|CATEGORY|ADJ)_[A-Z_]+", function.name)


@each_function
def test_every_text_fits_the_function_wizard(function):
    texts = [function.says, function.returns, *(argument.says for argument in function.arguments)]
    assert all(0 < len(text) <= 255 for text in texts)


@each_function
def test_arguments_differ_by_more_than_case(function):
    names = [argument.name.lower() for argument in function.arguments]
    assert len({*names}) == len(names)


@each_function
def test_the_example_is_a_call_that_the_function_takes(function):
    name, arguments = re.fullmatch(r"=([A-Z_]+)\((.*)\)", function.example).groups()
    needed = sum(not argument.optional for argument in function.arguments)
    assert name == function.name
    assert needed <= len(list(filter(None, arguments.split(", ")))) <= len(function.arguments)


def test_only_what_may_read_a_whole_workbook_gets_its_names():
    assert [name for name in REGISTRY if REGISTRY[name].reads_names] == ["DYNALLOC_WEIGHTS", "DYNALLOC_WHY"]


def test_why_takes_the_arguments_of_any_other_function():
    explained = len(REGISTRY["DYNALLOC_WHY"].arguments) - 1
    others = (function for function in REGISTRY.values() if function.name != "DYNALLOC_WHY")
    assert max(len(function.arguments) for function in others) <= explained


# --- how one is declared --------------------------------------------------------------------------------


@pytest.fixture
def declare(monkeypatch):
    """Return the declaration, over a registry of its own."""
    monkeypatch.setattr("addin.spec.REGISTRY", {})

    def into(call, name="DYNALLOC_NEW", returns="A number"):
        return spreadsheet_function(name, returns=returns, example=f"={name}()")(call)

    return into


def scaled(
    values: Annotated[Vector, "What is scaled"],
    by: Annotated[Number | None, "The factor"] = None,
    how: Annotated[Text, Choice(("up", "down")), "The direction"] = "up",
) -> float:
    """Scale values
    in one direction.

    Only the first paragraph helps the one who types.
    """
    return float(values[0]) * (by or 1.0) * (1.0 if how == "up" else -1.0)


def test_an_annotated_function_is_all_there_is_to_declare(declare):
    assert declare(scaled) is scaled
    (function,) = spec.REGISTRY.values()
    values, by, how = function.arguments
    assert function.says == "Scale values in one direction."
    assert (values.kind, values.says, values.optional) == (Kind.VECTOR, "What is scaled", False)
    assert (by.kind, by.says, by.optional, by.default) == (Kind.NUMBER, "The factor", True, None)
    assert (how.kind, how.default, how.options) == (Kind.TEXT, "up", ("up", "down"))
    assert not function.reads_names


def first(names: Annotated[Texts, "Some texts"]) -> str:
    """First of some texts."""
    return names[0]


def reader(names: Names | None, x: Annotated[Number, "A number"]) -> float:
    """A number."""
    return x if names else 0.0


def test_a_first_parameter_called_names_is_the_workbooks_unless_it_has_a_kind(declare):
    declare(first, "DYNALLOC_FIRST")
    declare(reader, "DYNALLOC_READER")
    shown = {name: (f.reads_names, [a.name for a in f.arguments]) for name, f in spec.REGISTRY.items()}
    assert shown == {"DYNALLOC_FIRST": (False, ["names"]), "DYNALLOC_READER": (True, ["x"])}


def constant() -> float:
    """One."""
    return 1.0


@pytest.mark.parametrize("name", ["dynalloc_new", "DYNALLOC.NEW", "NEW", "NEW_DYNALLOC", "DYNALLOC_NÉW", ""])
def test_a_name_outside_the_families_is_refused(declare, name):
    with pytest.raises(
        ValueError, match="must be upper-case letters, digits and _, and begin with one of DYN"
    ):
        declare(constant, name)


@pytest.mark.parametrize("name", ["T1", "ADJ12", "XFD1048576", "RC", "R1C1", "R12C"])
def test_a_name_that_reads_like_a_cell_is_refused(declare, name):
    with pytest.raises(ValueError, match=f"{name} reads like a cell"):
        declare(constant, name)


def test_a_name_is_declared_once(declare):
    declare(constant)
    with pytest.raises(ValueError, match="DYNALLOC_NEW is declared already"):
        declare(constant)


def of_no_kind_first(x: float) -> float:
    """One."""
    return x


def of_no_kind_last(x: Annotated[Number, "A number"], y: Annotated[float, "Another"]) -> float:
    """One."""
    return x + y


def not_annotated(x):
    """One."""
    return x


def greek(μ: Annotated[Number, "Return"]) -> float:
    """One."""
    return μ


def by_name_only(
    x: Annotated[Number, "A number"] = 1.0, *, y: Annotated[Number, "Required after an optional one"]
) -> float:
    """One."""
    return x + y


def as_many_as_given(*x: Annotated[Number, "A number"]) -> float:
    """One."""
    return x[0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (of_no_kind_first, "the argument x needs a kind, as Number or Vector"),
        (of_no_kind_last, "the argument y needs a kind, as Number or Vector"),
        (not_annotated, "the argument x needs a kind, as Number or Vector"),
        (greek, "the argument μ must be letters a to z, digits and _"),
        (by_name_only, "the argument y needs a place: a cell gives arguments in order"),
        (as_many_as_given, "the argument x needs a place: a cell gives arguments in order"),
    ],
)
def test_an_argument_that_a_cell_cannot_give_is_refused(declare, call, says):
    with pytest.raises(ValueError, match=says):
        declare(call)


def without_help() -> float:
    return 1.0


def silent_argument(x: Number) -> float:
    """One."""
    return x


def wordy_argument(x: Annotated[Number, "x" * (LONGEST_TEXT + 1)]) -> float:
    """One."""
    return x


@pytest.mark.parametrize(
    ("call", "returns", "says"),
    [
        (without_help, "A number", "the text of its docstring has 0 characters; 1 to 255 do"),
        (constant, "", "the text of what it returns has 0 characters"),
        (constant, "x" * 256, "the text of what it returns has 256 characters"),
        (silent_argument, "A number", "the text of x has 0 characters"),
        (wordy_argument, "A number", "the text of x has 256 characters"),
    ],
)
def test_a_text_that_the_function_wizard_would_lack_or_cut_is_refused(declare, call, returns, says):
    with pytest.raises(ValueError, match=says):
        declare(call, returns=returns)


# --- the function reference -----------------------------------------------------------------------------


def test_the_function_reference_is_what_the_registry_says():
    written = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert written == reference(), (
        "docs/functions.md is out of date; make it again: python -m addin.reference > docs/functions.md"
    )


def test_an_example_of_plain_numbers_and_texts_shows_its_value():
    values = {name: shown(function) for name, function in REGISTRY.items()}
    assert {name: value for name, value in values.items() if value} == {
        "DYNALLOC_STRESS": "0.6619",
        "DYNALLOC_REGIME": "elevated",
        "DYNALLOC_RECESSION": "0.1217",
        "ADJ_RETURN": "0.1",
        "DYNALLOC_WHY": "#VALUE!: vix is 2000; it must be 5 to 150 index points",
    }
