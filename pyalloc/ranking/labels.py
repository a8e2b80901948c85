"""What came of a month end, and from when on that was known: the purge that keeps a model honest.

A decision of the close of month end t is carried out at the next close. Its outcome over a horizon of h
months is the return from the close after t to the close after t + h, so it is public only once month
t + h + 1 has begun. A decision in month s therefore learns from t ≤ s − h − 1, and from no later month.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyalloc.ranking.panel import Panel
from pyalloc.ranking.ranks import unit_ranks

FloatArray = NDArray[np.float64]


def forward_returns(panel: Panel, horizon: int = 1) -> FloatArray:
    """Return simple returns from the close after each month end to that of `horizon` months later.

    Returns
    -------
    ndarray, shape (m, n)
        Only of stocks with every feature at the month end; not a number where either price is missing or
        has yet to come.
    """
    found = np.full_like(panel.executions, np.nan)
    found[:-horizon] = panel.executions[horizon:] / panel.executions[:-horizon] - 1.0
    return np.where(panel.complete, found, np.nan)


def forward_ranks(panel: Panel, horizon: int = 1) -> FloatArray:
    """Return the label: the rank in [0, 1] of a stock's forward return on its date, shape (m, n)."""
    return unit_ranks(forward_returns(panel, horizon))


def labels_known(month: int, horizon: int = 1, embargo: int = 0) -> int:
    """Return how many month ends, from the first, have an outcome that is public in month `month`.

    Parameters
    ----------
    month : int
        Number of the month of the decision, the first month of the panel being 0.
    horizon : int
        Months that an outcome takes.
    embargo : int
        Further months to leave out.
    """
    return max(0, month - horizon - embargo)
