"""What a history of wealth was worth, and how much of it may be luck."""

from pyalloc.evaluation.bootstrap import bootstrap_interval as bootstrap_interval
from pyalloc.evaluation.overfitting import cscv_logits as cscv_logits
from pyalloc.evaluation.overfitting import deflated_sharpe_ratio as deflated_sharpe_ratio
from pyalloc.evaluation.overfitting import expected_maximum_sharpe as expected_maximum_sharpe
from pyalloc.evaluation.overfitting import (
    probability_of_backtest_overfitting as probability_of_backtest_overfitting,
)
from pyalloc.evaluation.performance import Performance as Performance
from pyalloc.evaluation.performance import drawdowns as drawdowns
from pyalloc.evaluation.performance import moments as moments
from pyalloc.evaluation.performance import performance as performance
from pyalloc.evaluation.performance import rolling as rolling
from pyalloc.evaluation.regimes import ByRegime as ByRegime
from pyalloc.evaluation.regimes import by_regime as by_regime
