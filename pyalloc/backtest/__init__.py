"""The chain walked through time: decisions by ``allocate``, executed at the next close, with costs."""

from pyalloc.backtest.attribution import Attribution as Attribution
from pyalloc.backtest.attribution import attribute as attribute
from pyalloc.backtest.decisions import Decision as Decision
from pyalloc.backtest.decisions import Mandate as Mandate
from pyalloc.backtest.decisions import decide as decide
from pyalloc.backtest.months import Months as Months
from pyalloc.backtest.months import by_month as by_month
from pyalloc.backtest.result import BacktestResult as BacktestResult
from pyalloc.backtest.sweep import Sweep as Sweep
from pyalloc.backtest.sweep import check_period as check_period
from pyalloc.backtest.sweep import run_sweep as run_sweep
from pyalloc.backtest.sweep import sweep_of as sweep_of
from pyalloc.backtest.sweep import sweep_policies as sweep_policies
from pyalloc.backtest.trading import Trading as Trading
from pyalloc.backtest.trading import trade as trade
from pyalloc.backtest.walk import BENCHMARKS as BENCHMARKS
from pyalloc.backtest.walk import EQUAL_WEIGHT as EQUAL_WEIGHT
from pyalloc.backtest.walk import NEUTRAL as NEUTRAL
from pyalloc.backtest.walk import SIXTY_FORTY as SIXTY_FORTY
from pyalloc.backtest.walk import walk_forward as walk_forward
from pyalloc.backtest.walk import walk_forward_all as walk_forward_all
