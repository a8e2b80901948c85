"""Every knob of the house policy is one explained line of TOML, and a line that means nothing is refused."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from typing_extensions import Doc

from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.category import CategoryPolicy, CategoryRow
from pyalloc.errors import InputError
from pyalloc.frontier import SleevePolicy
from pyalloc.macro import MacroPolicy
from pyalloc.names import CATEGORIES
from pyalloc.stocks import StockPolicy

SECTIONS = {
    "macro": MacroPolicy,
    "stocks": StockPolicy,
    "sleeve": SleevePolicy,
    "category": CategoryPolicy,
}


@pytest.fixture
def written(tmp_path):
    """Return a function that writes TOML and reads it as a policy."""

    def read(toml: str | bytes) -> Policy:
        path = tmp_path / "policy.toml"
        path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
        return Policy.from_toml(path)

    return read


# --- written and read back ------------------------------------------------------------------------------


def test_the_house_policy_comes_back_as_it_was_written(written):
    assert written(Policy().to_toml()) == Policy()


def test_a_policy_with_every_kind_of_change_comes_back(written):
    own = Policy(
        firm='Müller & "Söhne" \\ 日本',
        paper="Letter",
        other_sleeves="inverse_volatility",
        macro=MacroPolicy(tilt_strength=0.25, defensiveness={"Old economy": 1.0, "New.economy": -0.8}),
        stocks=StockPolicy(scaling="softmax", top=20, max_volatility=0.6),
        sleeve=SleevePolicy(return_model="bayes_stein", alpha=(-0.02, -0.01, 0.0, 0.03)),
        category=CategoryPolicy(
            names=(*CATEGORIES, "Property"),
            rows=(
                *CategoryPolicy().rows,
                CategoryRow("property", ("Property",), ("Stocks", "Property"), 0.1),
            ),
        ),
    )
    assert written(own.to_toml()) == own


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=60), st.floats(0.0, 10.0))
def test_any_printable_text_and_any_number_comes_back(tmp_path_factory, firm, strength):
    own = Policy(firm=firm, macro=MacroPolicy(tilt_strength=strength))
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(own.to_toml(), encoding="utf-8")
    assert Policy.from_toml(path) == own


@pytest.mark.parametrize("toml", ["", "# nothing\n", "[macro]\n", "[stocks]\ntop = 5\n"])
def test_what_a_file_leaves_out_keeps_the_house_value(written, toml):
    assert written(toml) == Policy(stocks=StockPolicy(top=5 if "top" in toml else None))


def test_a_byte_order_mark_and_windows_line_ends_are_read(written):
    assert written(b'\xef\xbb\xbffirm = "A"\r\n[stocks]\r\ntop = 3\r\n').stocks.top == 3


def test_every_knob_appears_under_its_explanation():
    lines = Policy().to_toml().splitlines()
    for owner in (Policy, *SECTIONS.values()):
        hints = get_type_hints(owner, include_extras=True)
        keys = Policy.model_fields if owner is Policy else [field.name for field in dataclasses.fields(owner)]
        for key in keys:
            if key in SECTIONS:
                assert f"[{key}]" in lines
                continue
            (doc,) = (part for part in get_args(hints[key]) if isinstance(part, Doc))
            heads = (f"{key} = ", f"# {key} = ", f"[macro.{key}]", f"[[category.{key}]]")
            first = next(number for number, line in enumerate(lines) if line.startswith(heads))
            assert lines[first - 1] == f"# {doc.documentation}", key


def test_the_example_file_is_the_house_policy():
    example = files("workbooks.examples").joinpath("policy.toml").read_text(encoding="utf-8")
    assert example == Policy().to_toml(), (
        "workbooks/examples/policy.toml is out of date; remake it with "
        "python -c 'from pyalloc import Policy; print(Policy().to_toml(), end=\"\")'"
    )


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('frim = "x"', "policy.toml: frim is not a key of the policy; did you mean firm?"),
        ("[macr]", "policy.toml: macr is not a key of the policy; did you mean [macro]?"),
        (
            "[macro]\nvix_wieght = 0.5",
            "policy.toml: [macro] vix_wieght is not a key of the policy; did you mean [macro] vix_weight?",
        ),
        (
            "[macro]\ncap_floor = 0.2",
            "policy.toml: [macro] cap_floor is not a key of the policy; did you mean [stocks] cap_floor?",
        ),
        (
            '[[category.rows]]\nname = "x"\nof = ["Cash"]\nwithin = "all"\nshare = 0.1\nshar = 1',
            (
                "policy.toml: [category] rows, entry 1, shar is not a key of the policy; "
                "did you mean [[category.rows]] share?"
            ),
        ),
        ("[sleeve]\nqqqq = 1", "policy.toml: [sleeve] qqqq is not a key of the policy"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(written, toml, says):
    with pytest.raises(InputError) as refused:
        written(toml)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ("[sleeve]\nfloor = 2", "[sleeve] floor is 2"),
        ("[sleeve]\nfrontier_points = 2", "[sleeve] frontier_points is 2"),
        ("[stocks]\ntop = 0", "[stocks] top is 0"),
        ("[stocks]\ntop = true", "[stocks] top is True"),
        ('[stocks]\ncap_floor = "0.1"', "[stocks] cap_floor is '0.1'"),
        ('[stocks]\nscaling = "zscore"', "[stocks] scaling is 'zscore'"),
        ("[sleeve]\nhistory_months = 60.5", "[sleeve] history_months is 60.5"),
        ("[category]\nrisk_calm = [0.1, 0.2, 0.3, 4]", "[category] risk_calm, entry 4 is 4"),
        ("[category]\nrisk_calm = [0.1, 0.2, 0.3]", "[category] risk_calm, entry 4 is missing"),
        ('[category]\nnames = "Cash"', "[category] names is 'Cash'"),
        ("[macro.defensiveness]\nUtilities = nan", "[macro] defensiveness, Utilities is nan"),
        ("macro = 3", "macro is 3"),
        ("firm = 2026-01-01", "firm is"),
        ("other_sleeves = 'risk_parity'", "other_sleeves is 'risk_parity'"),
        (
            '[[category.rows]]\nof = ["Cash"]\nwithin = "all"\nshare = 0.1',
            "[category] rows, entry 1, name is missing",
        ),
        (
            '[[category.rows]]\nname = "x"\nof = ["Cash"]\nwithin = "every"\nshare = 0.1',
            "[category] rows, entry 1, within is 'every'",
        ),
        (
            '[[category.rows]]\nname = "x"\nof = ["Cash"]\nwithin = "all"\nshare = 1.5',
            (
                "[category] rows, entry 1, share is 1.5: input should be less than or equal to 1, "
                "or input should be 'equity', 'cash' or 'commodity'"
            ),
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_section_and_key(written, toml, place):
    with pytest.raises(InputError) as refused:
        written(toml)
    assert str(refused.value).startswith(f"policy.toml: {place}")
    assert "\n" not in str(refused.value)


NUMERIC_KNOBS = [
    (section, key, value)
    for section, entries in tomllib.loads(Policy().to_toml()).items()
    if isinstance(entries, dict)
    for key, value in entries.items()
    if isinstance(value[0] if isinstance(value, list) else value, int | float)
]


@pytest.mark.parametrize(("section", "key", "value"), NUMERIC_KNOBS)
@pytest.mark.parametrize("bad", ["nan", "inf", '"0.5"', "true"])
def test_no_knob_takes_what_is_no_finite_number(written, section, key, value, bad):
    toml = f"[{', '.join([bad] * len(value))}]" if isinstance(value, list) else bad
    with pytest.raises(InputError, match=rf"\[{section}\] {key}"):
        written(f"[{section}]\n{key} = {toml}\n")


def test_every_fault_is_named_at_once(written):
    with pytest.raises(InputError) as refused:
        written('paper = "A5"\nfrim = "x"\n[stocks]\ntop = 0\n[sleeve]\nfloor = -1\n')
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            "[macro]\nvix_weight = 0.9",
            r"vix_weight \+ gdp_weight \+ spread_weight is 1\.4; the three must sum",
        ),
        ("[sleeve]\nminimum_months = 70", r"minimum_months is 70, more than history_months \(60\)"),
        ('[category]\nnames = ["Cash", "Cash"]', "the category 'Cash' is given more than once"),
        ('firm = "a\\u0007b"', r'"a\\u0007b" contains a line break or control character'),
        ('[macro.defensiveness]\n"Ener\\ngy" = 1.0', "contains a line break or control character"),
        (f'[[category.rows]]\nname = "{"x" * 300}"', "has 300 characters: at most 255"),
        ("x = = 3", r"is not valid TOML: .*line 1"),
        (b'firm = "\xff"', "is not UTF-8 text; save it as UTF-8"),
        ("\x00", "is not valid TOML"),
        ("#" * 1_000_001, "1,000,001 bytes; at most 1,000,000 are read"),
    ],
)
def test_a_file_that_contradicts_itself_or_cannot_be_read_is_refused(written, toml, says):
    with pytest.raises(InputError, match=rf"^policy\.toml: .*{says}"):
        written(toml)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        Policy.from_toml(tmp_path / name)


@pytest.mark.parametrize(
    "change",
    [
        {"sleeve": SleevePolicy(floor=2.0)},
        {"stocks": StockPolicy(cap_floor=0.0)},
        {"macro": MacroPolicy(vix_std=-1.0)},
        {"firm": 3},
        {"unknown": 1},
    ],
)
def test_a_policy_made_in_python_is_validated_like_a_file(change):
    with pytest.raises(ValidationError):
        Policy(**change)


def test_a_policy_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Policy().firm = "Another"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().stocks.top = 3


# --- at work --------------------------------------------------------------------------------------------

FIFTH = """
[category]
names = ["Stocks", "Bonds", "Cash", "Commodities", "Property"{more_names}]

[[category.rows]]
name = "equity"
of = ["Stocks"]
within = "all"
share = "equity"

[[category.rows]]
name = "liquidity"
of = ["Cash"]
within = ["Bonds", "Cash"]
share = "cash"

[[category.rows]]
name = "real assets"
of = ["Commodities"]
within = "all"
share = "commodity"

[[category.rows]]
name = "property"
of = ["Property"]
within = "all"
share = 0.05
{more_rows}
"""
SIXTH = """
[[category.rows]]
name = "art"
of = ["Art"]
within = ["Property", "Art"]
share = 0.5
"""


@pytest.fixture(scope="module")
def six_category_market(demo_market: MarketData) -> MarketData:
    """Return the demo market with two of its bond funds listed as property and art."""
    first, second = (asset.asset for asset in demo_market.in_category("Bonds")[:2])
    moved = {first: "Property", second: "Art"}
    assets = tuple(
        dataclasses.replace(asset, category=moved.get(asset.asset, asset.category))
        for asset in demo_market.assets
    )
    return dataclasses.replace(demo_market, assets=assets)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        (FIFTH.format(more_names="", more_rows=""), {"Property": 0.05}),
        (FIFTH.format(more_names=', "Art"', more_rows=SIXTH), {"Property": 0.05, "Art": 0.05}),
    ],
)
def test_a_fifth_and_a_sixth_category_from_a_file_are_allocated(written, six_category_market, toml, expected):
    allocation = allocate(six_category_market.at(), profile=InvestorProfile(), policy=written(toml))
    by_category = allocation.weights.groupby("category")["weight"].sum()
    assert set(by_category.index) == {*CATEGORIES, *expected}
    assert by_category.sum() == pytest.approx(1.0, abs=1e-12)
    for category, weight in expected.items():
        assert by_category[category] == pytest.approx(weight, abs=1e-12)
    assert by_category["Stocks"] == pytest.approx(allocation.trace["equity_share"], abs=1e-12)


def test_a_policy_without_a_row_for_a_category_is_refused(written, demo_market):
    policy = written('[category]\nnames = ["Stocks", "Bonds", "Cash", "Commodities", "Art"]\n')
    with pytest.raises(InputError, match="5 categories and 4 rows, the budget among them"):
        allocate(demo_market.at(), profile=InvestorProfile(), policy=policy)


def test_the_policy_changes_the_allocation(written, demo_market: MarketData):
    view = demo_market.at()
    policy = written("[stocks]\ntop = 15\n[macro]\ntilt_strength = 0.0\n")
    trace = allocate(view, profile=InvestorProfile(), policy=policy).trace
    assert (trace["stock_weight"] > 0.0).sum() == 15
    assert set(trace["stock_tilt"]) == {1.0}


def test_a_path_may_be_text(tmp_path: Path):
    path = tmp_path / "own.toml"
    path.write_text('firm = "Ours"', encoding="utf-8")
    assert Policy.from_toml(str(path)).firm == "Ours"
