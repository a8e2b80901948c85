"""The inputs of a workbook as the core takes them: conditions, investor, policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError

from pyalloc.errors import InputError
from pyalloc.macro import MacroSnapshot
from pyalloc.policy import Policy
from pyalloc.profile import InvestorProfile
from workbooks.reading.cells import Value
from workbooks.template.author import Ref
from workbooks.template.dates import EPOCH
from workbooks.template.facts import Recipient
from workbooks.template.inputs import INPUTS

Inputs = Mapping[Ref, Value]
"""Every input of the register, as it stands in a cell."""


class Row(NamedTuple):
    """A row of A below the budget, as :class:`pyalloc.category.CategoryRow` has it but for a fixed share.

    Attributes
    ----------
    share : str
        Which of the shares that conditions set; empty where the share is an input.
    """

    name: str
    of: tuple[str, ...]
    within: tuple[str, ...] | str
    share: str


@dataclass(frozen=True)
class Structure:
    """What decides the layout of a workbook and is no input: a policy's rows and models."""

    categories: tuple[str, ...]
    rows: tuple[Row, ...]
    ranker: str
    training: Mapping[str, float | None]
    scaling: str
    return_model: str
    other_sleeves: str
    frontier_points: int
    history_months: int
    minimum_months: int
    macro_age: int


@dataclass(frozen=True)
class Settings:
    """What an allocation is asked for, apart from the market."""

    as_of: date
    macro: MacroSnapshot
    risk_free: float
    profile: InvestorProfile
    policy: Policy
    recipient: Recipient


_LAST_DAY = (date.max - EPOCH).days
_MAY_BE_EMPTY = frozenset(
    ("spread_10y_3m", "known_on", "stock_top", "override_A", "override_b", "risk_labels")
)


def misfit(ref: Ref, value: Value) -> str:
    """Return what belongs in an input whose value is of another type; nothing where it fits."""
    kind = INPUTS[ref.name].kind
    if value is None:
        return "" if kind == "textLength" or ref.name in _MAY_BE_EMPTY else "it must not be empty"
    if kind == "textLength":
        return "" if isinstance(value, str) else "a text belongs there"
    fits = isinstance(value, str | float) if ref.name == "risk_tolerance" else isinstance(value, float)
    return "" if fits else "a number belongs there"


def settings_of(inputs: Inputs, structure: Structure) -> Settings:
    """Return what the inputs ask for.

    Raises
    ------
    InputError
        Where an input is of another type; and in the core's own words, where it is outside what that takes.
    """
    for ref, value in inputs.items():
        if wanted := misfit(ref, value):
            raise InputError(f"{ref.name} is {value!r}; {wanted}")
    one: dict[str, Any] = {ref.name: value for ref, value in inputs.items() if not ref.place}
    return Settings(
        as_of=day(one["as_of"], "as_of"),
        macro=MacroSnapshot(
            one["vix"],
            one["gdp_growth"],
            one["yield_spread"],
            one["spread_10y_3m"],
            None if one["known_on"] is None else day(one["known_on"], "known_on"),
        ),
        risk_free=one["risk_free"],
        profile=_profile(inputs, one, structure),
        policy=_policy(inputs, one, structure),
        recipient=Recipient(one["client_id"] or "", one["client_name"] or ""),
    )


def vector(inputs: Inputs, name: str) -> list[Any]:
    """Return the inputs of this name in order: numbers, texts or None."""
    return [inputs[ref] for ref in sorted(ref for ref in inputs if ref.name == name)]


def day(serial: Value, what: str) -> date:
    """Return a date as a spreadsheet counts it."""
    if not (isinstance(serial, float) and serial.is_integer() and 0.0 < serial <= _LAST_DAY):
        raise InputError(f"{what} is {serial!r}; it must be a date without a time of day")
    return EPOCH + timedelta(days=int(serial))


def _profile(inputs: Inputs, one: Mapping[str, Any], structure: Structure) -> InvestorProfile:
    bounds = zip(vector(inputs, "category_lower"), vector(inputs, "category_upper"), strict=True)
    columns = len(structure.categories)
    entries = {
        (ref.place[0] + 1, ref.place[1] + 1 if ref.name == "override_A" else columns + 1): value
        for ref, value in inputs.items()
        if ref.name in ("override_A", "override_b")
    }
    return InvestorProfile(
        risk=one["risk_tolerance"],
        budget=one["budget"],
        currency=one["currency"] or "",
        bounds=dict(zip(structure.categories, bounds, strict=True)),
        overrides={place: value for place, value in entries.items() if isinstance(value, float)},
    )


def _policy(inputs: Inputs, one: Mapping[str, Any], structure: Structure) -> Policy:
    means, stds, weights = (vector(inputs, f"macro_{what}") for what in ("mean", "std", "omega"))
    indicators = ("vix", "gdp", "spread")
    sectors = vector(inputs, "sector_names")
    if len(set(sectors)) < len(sectors):
        raise InputError("a sector is named twice; each needs its own name")
    document = {
        "firm": one["firm"] or "",
        "other_sleeves": structure.other_sleeves,
        "macro": {
            **{f"{name}_mean": value for name, value in zip(indicators, means, strict=True)},
            **{f"{name}_std": value for name, value in zip(indicators, stds, strict=True)},
            **{f"{name}_weight": value for name, value in zip(indicators, weights, strict=True)},
            "max_age_days": structure.macro_age,
            "z_limit": one["z_limit"],
            "composite_std": one["sigma_c"],
            "regime_from": vector(inputs, "regime_from"),
            "tilt_strength": one["tilt_strength"],
            "defensiveness": dict(zip(sectors, vector(inputs, "sector_defensiveness"), strict=True)),
        },
        "stocks": {
            "ranker": structure.ranker,
            **structure.training,
            "scaling": structure.scaling,
            "cap_floor": one["cap_floor"],
            "cap_multiple": one["cap_multiple"],
            "top": one["stock_top"],
        },
        "sleeve": {
            "return_model": structure.return_model,
            "equity_premium": one["equity_premium"],
            "history_months": structure.history_months,
            "minimum_months": structure.minimum_months,
            "alpha": vector(inputs, "risk_alpha"),
            "floor": one["sleeve_floor"],
            "frontier_points": structure.frontier_points,
        },
        "category": {
            **{knots: vector(inputs, knots) for knots in ("risk_calm", "risk_crisis")},
            **{name: one[name] for name in _CATEGORY_KNOBS},
            "names": structure.categories,
            "rows": [
                row._asdict() if row.share else row._asdict() | {"share": inputs[Ref("row_share", (i,))]}
                for i, row in enumerate(structure.rows, start=1)
            ],
        },
    }
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ", ".join(map(str, fault["loc"]))
        raise InputError(f"{where} is {fault['input']!r}: {fault['msg']}") from None


_CATEGORY_KNOBS = (
    *("commodity_base", "commodity_stress_effect", "commodity_growth_effect", "growth_clip"),
    *("cash_base", "cash_stress_effect", "cash_inversion_effect", "inversion_scale"),
)
"""Knobs of the category policy that are one input each, by the same name."""
