"""The checks of the Audit sheet: what departs, by how much at most, and what to do then."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from pyalloc import names
from pyalloc.macro import LONGEST_AGE
from workbooks.template.frame import (
    AUDIT,
    BACKTEST,
    CONSTRAINTS,
    COVARIANCE,
    FRONTIER,
    HOLDINGS,
    MACRO,
    STOCKS,
)

Class = Literal["CHECK", "NOTE", "ENGINE"]


class Check(NamedTuple):
    """One check: what departs, by which formula, by how much at most, and what it means when it does.

    A departure of class ENGINE means a solved cell was made for other inputs, and reads STALE while inputs
    differ from those the workbook was generated with; NOTE is worth knowing, and no fault.
    """

    key: str
    area: str
    says: str
    formula: str
    limit: float
    kind: Class = "CHECK"
    array: bool = False

    @property
    def sheet(self) -> str:
        """Where the departure lies."""
        return _HOME[self.area]

    @property
    def remedy(self) -> str:
        """What to do when it departs."""
        return _REMEDIES.get(self.key) or (_RECOMPUTE if self.kind == "ENGINE" else _REMEDIES[self.area])


_HOME: Final = {
    "Inputs": MACRO,
    "Macro": MACRO,
    "Categories": CONSTRAINTS,
    "Stocks": STOCKS,
    "Risk": COVARIANCE,
    "Frontier": FRONTIER,
    "Sleeve": FRONTIER,
    "Holdings": HOLDINGS,
    "Backtest": BACKTEST,
    "Integrity": AUDIT,
}

_RECOMPUTE: Final = (
    "STALE: generate again for the inputs now. CHECK: a solved value was edited; generate again."
)

_REMEDIES: Final = {
    "Macro": "A formula or a reference constant on Macro was changed: restore it, or generate again.",
    "Categories": "The system or a formula on Constraints was changed: clear the override, or generate again.",
    "Stocks": "A formula on Stocks was changed: restore it, or generate again.",
    "Risk": "Prices or covariance were edited: generate again from the market data.",
    "Frontier": "A frontier portfolio was edited: generate again.",
    "Sleeve": "A sleeve weight was edited: generate again.",
    "Holdings": "A line was edited, added or removed: generate again.",
    "Backtest": "The record of the past was edited: generate again.",
    "inputs_missing": "Type a number, not text, in every blue cell of Macro section 1.",
    "inputs_late": "Use figures that were public on the as-of date, or move the date.",
    "inputs_old": "Use the latest macro row before acting on this allocation.",
    "omega_sum": "Make the three weights ω on Macro sum to 100 %.",
    "category_condition": "The rows of A nearly repeat each other: change the overridden row.",
    "category_bounds": "Bounds were changed after solving: generate again with them.",
    "overrides": "Intended? Then note why. Otherwise clear the cells in Constraints section 5.",
    "bounds_bind": "The client's bounds decide; the weights are the nearest within them.",
    "stock_labels": "Use sectors of the table on Macro, and each ticker once.",
    "target_clipped": "The target is out of reach within floor and cap; the first page says so.",
    "overwritten": "A number stands where a formula was: find the sheet below, restore it or generate again.",
    "errors": "Find the sheet below; usually an input is text or blank.",
    "solved_changed": "Find the block below; solved values are not for editing: generate again.",
    "inputs_edited": "A what-if: the register below lists what was changed. Generate again before use.",
}


CHECKS: Final = (
    Check("inputs_missing", "Inputs", "Macro inputs that are not numbers", "=3-COUNT(macro_inputs)", 0),
    Check("inputs_late", "Inputs", "Days by which the macro row was published after the as-of date", "=IF(ISNUMBER(known_on),MAX(0,known_on-as_of),0)", 0),
    Check("inputs_old", "Inputs", "Age of the macro row, days", '=IF(ISNUMBER(macro_age),macro_age,0)', LONGEST_AGE, "NOTE"),
    Check("omega_sum", "Macro", "Weights ω do not sum to 1", "=SUM(macro_omega)-1", 1e-12),
    Check("stress_inverse", "Macro", "Stress taken back to its composite", "=IF(ABS(composite)>5*sigma_c,0,NORMSINV(stress)*sigma_c-composite)", 1e-9),
    Check("tilt_logs", "Macro", "Tilts against κ·d·(2s − 1)", "=SUMPRODUCT(ABS(LN(sector_tilt)-tilt_strength*sector_defensiveness*(2*stress-1)))", 1e-12),
    Check("tilt_signs", "Macro", "Sectors tilted the wrong way", "=SUMPRODUCT(--(SIGN(ROUND(LN(sector_tilt),12))<>SIGN(sector_defensiveness)*SIGN(ROUND(2*stress-1,12))*SIGN(tilt_strength)))", 0),
    Check("category_sum", "Categories", "Category weights do not sum to 1", "=SUM(category_weights)-1", 1e-12),
    Check("category_residual", "Categories", "A w − b, as a fraction of the budget", "=IF(bounds_hold,residual_max,ABS(INDEX(residual,1)))", 1e-12),
    Check("category_condition", "Categories", "1E-12 over the reciprocal condition number", "=1E-12/rcond_A", 1),
    Check("category_bounds", "Categories", "Categories outside their bounds", "=SUMPRODUCT(--(category_weights<category_lower-1E-12))+SUMPRODUCT(--(category_weights>category_upper+1E-12))", 0),
    Check("category_solver_gap", "Categories", "Solver weights against A⁻¹ b", "=IF(bounds_hold,solver_difference,0)", 1e-10, "ENGINE"),
    Check("category_optimal", "Categories", "Optimality gap of the nearest weights", "=category_gap", 1e-9, "ENGINE"),
    Check("overrides", "Categories", "Coefficients overridden by hand", "=override_count", 0, "NOTE"),
    Check("bounds_bind", "Categories", "Bounds bind (1 = yes)", "=IF(bounds_hold,0,1)", 0, "NOTE"),
    Check("stock_sum", "Stocks", "Anchor weights do not sum to 1", "=SUM(stock_weight)-1", 1e-12),
    Check("stock_pro_rata", "Stocks", "Uncapped weights, recomputed pro rata", "=SUMPRODUCT((stock_mt>0)*(stock_weight<stock_cap-1E-12)*ABS(stock_weight*SUMPRODUCT((stock_weight<stock_cap-1E-12)*stock_mt)-stock_mt*(1-stock_cap*SUMPRODUCT(--(stock_weight>=stock_cap-1E-12)))))", 1e-12),
    Check("stock_range", "Stocks", "Anchor weights below 0 or above the cap", "=SUMPRODUCT(--(stock_weight<0))+SUMPRODUCT(--(stock_weight>stock_cap+1E-12))", 0),
    Check("stock_labels", "Stocks", "Unknown sectors and repeated tickers", "=SUMPRODUCT(--(COUNTIF(sector_names,stock_sector)=0))+SUMPRODUCT(--(COUNTIF(stock_ticker,stock_ticker)>1))", 0),
    Check("covariance_symmetry", "Risk", "Covariance against its transpose", "=MAX(ABS(covariance-TRANSPOSE(covariance)))", 1e-15, array=True),
    Check("shrinkage_range", "Risk", "Shrinkage outside 0 to 1", "=MAX(0,-lw_shrinkage,lw_shrinkage-1)", 0),
    Check("efficient_return", "Frontier", "Implied returns: r_eff against risk-free plus premium", '=IF(return_model="implied",r_eff-risk_free-equity_premium,0)', 1e-9, "ENGINE"),
    Check("frontier_range", "Frontier", "Frontier portfolios: sum, floor 0, cap", "=SUMPRODUCT(--(ABS(frontier_sum-1)>1E-10))+SUMPRODUCT(--(frontier_min<-1E-12))+SUMPRODUCT(--(frontier_max>stock_cap+1E-12))", 0),
    Check("frontier_optimal", "Frontier", "Largest optimality gap of the frontier portfolios", "=MAX(frontier_gap)", 1e-9, "ENGINE"),
    Check("frontier_convex", "Frontier", "Frontier portfolios with more risk than a mix of their neighbours", "=SUMPRODUCT(--(2*frontier_within>frontier_before+frontier_after+1E-12))", 0, "ENGINE"),
    Check("sharpe_best", "Frontier", "Sharpe ratio on the frontier or of the anchor above the best", "=IF(anchor_counts=1,MAX(0,MAX(frontier_sharpe)-SHARPE,(SUMPRODUCT(stock_weight,mu)-risk_free)/momentum_volatility-SHARPE),0)".replace("SHARPE", "(r_eff-risk_free)/SQRT(SUMPRODUCT(MMULT(covariance,maxsharpe_weights),maxsharpe_weights))"), 1e-9, "ENGINE"),
    Check("sleeve_range", "Sleeve", "Sleeve: sum, floor and cap", "=ABS(SUM(sleeve_weights)-1)+SUMPRODUCT((sleeve_weights<sleeve_lower)*(sleeve_lower-sleeve_weights))+SUMPRODUCT((sleeve_weights>sleeve_upper)*(sleeve_weights-sleeve_upper))", 1e-10, "ENGINE"),
    Check("sleeve_attains", "Sleeve", "Return of the sleeve against the target in force", "=sleeve_return-r_target", 1e-9, "ENGINE"),
    Check("sleeve_optimal", "Sleeve", "Optimality gap of the sleeve", "=sleeve_gap", 1e-9, "ENGINE"),
    Check("target_clipped", "Sleeve", "Return target clipped, a year", "=r_adj-r_target", 1e-9, "NOTE"),
    Check("holding_sum", "Holdings", "Holdings do not sum to 1", "=SUM(holding_weight)-1", 1e-12),
    Check("holding_budget", "Holdings", "Amounts against the budget", "=ROUND(SUM(holding_amount)-budget,currency_digits)", 0),
    Check("holding_rounding", "Holdings", "Largest rounding of an amount, in minor units", "=ROUND(SUMPRODUCT(MAX(ABS(holding_amount-holding_weight*budget)))*10^currency_digits,6)", 1),
    Check("holding_categories", "Holdings", "Category sums against category weights", "=SUMPRODUCT(ABS(holding_category_weight-category_weights))", 1e-12),
    Check("holding_names", "Holdings", "Stocks in the sleeve without a line", f'=COUNTIF(sleeve_weights,">{names.HELD:.0E}")-COUNTIF(holding_category,"{names.STOCKS}")', 0),
    Check("backtest_wealth", "Backtest", "End of the record, compounded from its net months", "=wealth_start*EXP(SUMPRODUCT(LN(1+backtest_net)))/INDEX(wealth_policy,ROWS(wealth_policy))-1", 1e-10),
    Check("backtest_weights_sum", "Backtest", "Months whose weights do not sum to 1", "=SUMPRODUCT(--(ABS(MMULT(backtest_weights,ROW(category_names)^0)-1)>1E-10))", 0, array=True),
    Check("backtest_rows", "Backtest", "Months outside the range that figures and charts read", "=COUNT(backtest_column)-ROWS(backtest_dates)", 0),
    Check("backtest_engine", "Backtest", "End of the record against the engine's own wealth", "=INDEX(wealth_policy,ROWS(wealth_policy))/wealth_engine-1", 1e-9),
    Check("backtest_risk", "Backtest", "Risk tolerance that the record was walked at, less the client's", "=IF(ISNUMBER(backtest_t),backtest_t-risk_t,0)", 1e-12, "ENGINE"),
    Check("overwritten", "Integrity", "Formulas overwritten by values", "=SUM(overwritten_by_sheet)", 0),
    Check("errors", "Integrity", "Cells with an error", "=SUM(errors_by_sheet)", 0),
    Check("solved_changed", "Integrity", "Solved blocks that were edited", "=SUMPRODUCT(--(solved_change<>0))", 0),
    Check("inputs_edited", "Integrity", "Inputs that differ from those generated", "=inputs_changed", 0, "NOTE"),
)  # fmt: skip
