"""Ridge regressions on a growing or rolling window of months, all of them in closed form at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def ridge_path(
    ranks: FloatArray,
    labels: FloatArray,
    months: NDArray[np.intp],
    window: int | None = None,
    penalty: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Return coefficients and intercepts of ridges on the first `months` dates, or the last `window` of them.

    The normal matrices of single dates are summed once; each fit is a difference of two sums and one k × k
    system (Hoerl and Kennard 1970): ``(X'X + α I) β = X'y``, X and y less their means over the window, with
    ``α = penalty · tr(X'X)/k``.

    Parameters
    ----------
    ranks : ndarray, shape (m, n, k)
        Ranks of the features in [0, 1]; a stock with a missing one has no label.
    labels : ndarray, shape (m, n)
        Ranks of the outcomes in [0, 1]; not a number where a stock does not count.
    months : ndarray of int, shape (f,)
        How many dates each fit may use, from the first.
    window : int, optional
        Use only the last so many of them; default all.
    penalty : float
        α as a multiple, above 0, of the mean eigenvalue of X'X, so that neither the number of stocks nor
        that of months changes what it does.

    Returns
    -------
    coefficients : ndarray, shape (f, k)
        0 where there is nothing to learn from.
    intercepts : ndarray, shape (f,)
    """
    counted = np.isfinite(labels)
    start = np.zeros_like(months) if window is None else np.maximum(0, months - window)

    def summed(parts: FloatArray) -> FloatArray:
        """Return the sum of the parts of each window, shape (f, ...)."""
        total = np.zeros((len(parts) + 1, *parts.shape[1:]))
        np.cumsum(parts, axis=0, out=total[1:])
        return np.asarray(total[months] - total[start])

    # Less the mean rank of a full date, so that little is left to cancel.
    x = np.where(counted[:, :, None], ranks - 0.5, 0.0)
    y = np.where(counted, labels - 0.5, 0.0)
    count = np.maximum(1.0, summed(counted.sum(axis=1, dtype=np.float64)))
    x_mean, y_mean = summed(x.sum(axis=1)) / count[:, None], summed(y.sum(axis=1)) / count
    normal = summed(np.swapaxes(x, 1, 2) @ x)
    normal -= count[:, None, None] * x_mean[:, :, None] * x_mean[:, None, :]
    moment = summed((y[:, None, :] @ x)[:, 0, :]) - (count * y_mean)[:, None] * x_mean
    k = ranks.shape[2]
    alpha = penalty * np.trace(normal, axis1=1, axis2=2) / k
    empty = alpha <= 0.0
    normal += np.where(empty, 1.0, alpha)[:, None, None] * np.eye(k)
    found = np.linalg.solve(normal, moment[:, :, None])[:, :, 0]
    coefficients = np.where(empty[:, None], 0.0, found)
    return coefficients, 0.5 + y_mean - ((x_mean + 0.5) * coefficients).sum(axis=1)
