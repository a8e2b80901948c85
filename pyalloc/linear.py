"""Solve ``A w = b``: exactly where that is possible, as near as bounds allow, or refused in words.

Row 1 is the budget: its right-hand side is the unit of the weights and it is always held exactly. The nearest
answer minimises the squared distance of the other rows, each divided by its Euclidean norm. See
:mod:`pyalloc.nearest` for how it is found and proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from pyalloc.clashes import RCOND_LIMIT, clashes, number, why_singular
from pyalloc.errors import InfeasibleError, InputError, SingularSystemError, UncertifiedError
from pyalloc.names import EXACT, NEAREST
from pyalloc.nearest import BOUND_TOLERANCE, FloatArray, nearest_weights, rank, scaled_residual

BACKWARD_ERROR_LIMIT: Final = 1e-14
"""Largest normwise backward error of an exact solution."""


@dataclass(frozen=True, eq=False)
class CategorySolution:
    """The amounts that solve ``A w = b``, or come nearest to it within bounds.

    Attributes
    ----------
    solution : ndarray, shape (n,)
        Amounts, in the unit of b.
    weights : ndarray, shape (n,)
        Amounts as fractions of the budget ``b[0]``; NaN where that is 0.
    residual : ndarray, shape (m,)
        ``A @ solution - b``, in the unit of b.
    distance : float
        Norm of the residuals of rows 2 to m, each divided by the norm of its row, as a fraction of the
        budget; 0 when exact.
    rcond : float
        Reciprocal condition number ``1 / (‖A‖₁ ‖A⁻¹‖₁)``; of the pseudo-inverse where A is not square.
    rank : int
        Rank of A, its rows scaled to norm one. Below n the answer is one of many: the one of least norm.
    determinant : float
        NaN where A is not square.
    status : str
        One of :data:`pyalloc.names.CATEGORY_STATUSES`.
    binding : tuple of str
        The bounds that weights lie on, such as ``"Cash at lower bound 5.00 %"``.
    """

    solution: FloatArray
    weights: FloatArray
    residual: FloatArray
    distance: float
    rcond: float
    rank: int
    determinant: float
    status: str
    binding: tuple[str, ...]


def solve(
    A: ArrayLike,
    b: ArrayLike,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> CategorySolution:
    """Solve ``A w = b`` exactly, or come as near as bounds and rows allow.

    A square system without bounds is solved by LU. With bounds, or another number of rows than columns, the
    answer is the exact solution if that lies within the bounds, else the nearest; among equally near ones the
    one of least norm.

    Parameters
    ----------
    A : array_like, shape (m, n)
        Coefficients; row 1 is the budget.
    b : array_like, shape (m,)
        Right-hand sides, in the currency of the budget ``b[0]``.
    lower, upper : array_like, shape (n,), optional
        Bounds on the weights, as fractions of the budget; None or ±inf leaves them open.
    row_names, column_names : sequence of str, optional
        What messages call rows and columns.

    Raises
    ------
    InputError
        Wrong shapes, numbers that are not finite, or a budget that weights cannot be fractions of.
    SingularSystemError
        A row of zeros; or, without bounds, a square A whose rows do not determine one solution.
    InfeasibleError
        Bounds that contradict each other or row 1.
    UncertifiedError
        An answer that fails its backward error or its duality gap.
    """
    A, b = _checked_system(A, b)
    m, n = A.shape
    rows, columns = _row_labels(m, row_names), _column_labels(n, column_names)
    low, high = _checked_bounds(lower, upper, columns)
    bounded = lower is not None or upper is not None
    _refuse_zero_rows(A, b, rows)
    if bounded or m != n:
        _refuse_useless_budget(b[0], bounded, rows[0])

    rcond = _reciprocal_condition(A)
    regular = m == n and rcond >= RCOND_LIMIT
    if m == n and not regular and not bounded:
        raise SingularSystemError("A w = b has no single solution: " + why_singular(A, b, rows, rcond))
    distance = 0.0
    if regular:
        solution = _lu_solution(A, b)
        weights = solution / (b[0] or np.nan)
    if not regular or (bounded and not _within(weights, low, high)):
        _refuse_unreachable_budget(A[0], low, high, rows[0], columns)
        weights = nearest_weights(A, b, low, high)
        solution = weights * b[0]
        distance = float(np.linalg.norm(scaled_residual(A, b, weights)))
    exact = distance <= BOUND_TOLERANCE
    return CategorySolution(
        solution=solution,
        weights=weights,
        residual=A @ solution - b,
        distance=0.0 if exact else distance,
        rcond=rcond,
        rank=rank(A),
        determinant=float(np.linalg.det(A)) if m == n else np.nan,
        status=EXACT if exact else NEAREST,
        binding=_binding(weights, low, high, columns),
    )


def explain(A: ArrayLike, b: ArrayLike, row_names: Sequence[str] | None = None) -> str:
    """Say in words what ``A w = b`` determines: rank, condition, residual, and which rows clash.

    Parameters and errors are those of :func:`solve`, except that a singular system is explained.
    """
    A, b = _checked_system(A, b)
    m, n = A.shape
    rows = _row_labels(m, row_names)
    try:
        answer = solve(A, b, row_names=row_names)
    except SingularSystemError as error:
        return f"{m} rows, {n} columns, rank {rank(A)}: {error}."
    if m == n:
        verdict = "one solution"
    elif answer.status == EXACT:
        verdict = "every row holds"
    else:
        verdict = "not every row can hold, and this is the nearest answer"
    worst = int(np.abs(answer.residual).argmax())
    sentences = [
        f"{m} rows, {n} columns, rank {answer.rank}, reciprocal condition {answer.rcond:.3g}: {verdict}",
        f"The largest residual is {answer.residual[worst]:.3g}, in {rows[worst]}",
    ]
    if answer.rank < n:
        sentences.append("The rows leave a choice; the answer of least norm is taken")
    if answer.rank < m:
        sentences += clashes(A, b, rows)
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


# --- exact ----------------------------------------------------------------------------------------------


def _lu_solution(A: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``A⁻¹ b`` by LU and one step of refinement, certified by its normwise backward error."""
    x = np.linalg.solve(A, b)
    x = x + np.linalg.solve(A, b - A @ x)
    residual = np.abs(b - A @ x).max()
    size = np.linalg.norm(A, np.inf) * np.abs(x).max() + np.abs(b).max()
    if not residual <= BACKWARD_ERROR_LIMIT * size:
        raise UncertifiedError(
            f"the solution of A w = b misses it by {residual:.3g} and is withheld: "
            "bring the coefficients to similar sizes"
        )
    return np.asarray(x, dtype=np.float64)


def _reciprocal_condition(A: FloatArray) -> float:
    try:
        inverse = np.linalg.inv(A) if A.shape[0] == A.shape[1] else np.linalg.pinv(A)
    except np.linalg.LinAlgError:
        return 0.0
    return float(1.0 / (np.linalg.norm(A, 1) * np.linalg.norm(inverse, 1)))


# --- within bounds -------------------------------------------------------------------------------------


def _within(weights: FloatArray, lower: FloatArray, upper: FloatArray) -> bool:
    return bool(np.all((weights >= lower - BOUND_TOLERANCE) & (weights <= upper + BOUND_TOLERANCE)))


def _binding(
    weights: FloatArray, lower: FloatArray, upper: FloatArray, columns: Sequence[str]
) -> tuple[str, ...]:
    labels = []
    for column, weight, low, high in zip(columns, weights, lower, upper, strict=True):
        if weight <= low + BOUND_TOLERANCE:
            labels.append(f"{column} at lower bound {_percent(low)}")
        elif weight >= high - BOUND_TOLERANCE:
            labels.append(f"{column} at upper bound {_percent(high)}")
    return tuple(labels)


# --- what is refused ------------------------------------------------------------------------------------


def _numbers(what: str, values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{what} has rows of different lengths; make them equally long") from None
    if array.dtype.kind not in "iuf":
        raise InputError(f"{what} must hold numbers only; replace texts, blanks, TRUE and FALSE")
    return array.astype(np.float64)


def _vector(what: str, values: ArrayLike, length: int, per: str) -> FloatArray:
    array = _numbers(what, values)
    if array.size != length or array.size != max(array.shape, default=0):
        shape = " × ".join(map(str, array.shape)) or "a single number"
        raise InputError(f"{what} is {shape}; it must be one row or column of {length} numbers, one a {per}")
    return array.ravel()


def _checked_system(A: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    matrix = _numbers("A", A)
    if matrix.ndim != 2 or matrix.size == 0:
        raise InputError("A must be a table with one row a constraint and one column a category")
    vector = _vector("b", b, len(matrix), "row of A")
    for i, j in np.argwhere(~np.isfinite(matrix)).tolist():
        raise InputError(f"A is {matrix[i, j]} in row {i + 1}, column {j + 1}; it must be a finite number")
    for i in np.flatnonzero(~np.isfinite(vector)).tolist():
        raise InputError(f"b is {vector[i]} in row {i + 1}; it must be a finite number")
    return matrix, vector


def _checked_bounds(
    lower: ArrayLike | None, upper: ArrayLike | None, columns: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    n = len(columns)
    low = np.full(n, -np.inf) if lower is None else _vector("lower", lower, n, "column of A")
    high = np.full(n, np.inf) if upper is None else _vector("upper", upper, n, "column of A")
    for side, bounds in (("lower", low), ("upper", high)):
        for i in np.flatnonzero(np.isnan(bounds)).tolist():
            raise InputError(
                f"the {side} bound of {columns[i]} is NaN; give a fraction of the budget, or inf"
            )
    for i in np.flatnonzero(low > high).tolist():
        raise InfeasibleError(
            f"{columns[i]} is bounded below by {_percent(low[i])} and above by {_percent(high[i])}: "
            "lower the first or raise the second"
        )
    return low, high


def _refuse_zero_rows(A: FloatArray, b: FloatArray, rows: Sequence[str]) -> None:
    for i in np.flatnonzero(~A.any(axis=1)).tolist():
        fault = "says nothing: remove" if b[i] == 0.0 else "cannot hold: change"
        raise SingularSystemError(
            f"{rows[i]} has only zeros against a right-hand side of {number(b[i])}, which {fault} the row"
        )


def _refuse_useless_budget(budget: float, bounded: bool, row: str) -> None:
    if budget == 0.0 or (bounded and budget < 0.0):
        raise InputError(
            f"the right-hand side of {row} is {number(budget)}; weights are fractions of it, "
            f"so it must {'be above 0' if bounded else 'not be 0'}"
        )


def _refuse_unreachable_budget(
    row: FloatArray, lower: FloatArray, upper: FloatArray, label: str, columns: Sequence[str]
) -> None:
    """Refuse bounds within which ``row·w = 1`` cannot hold, naming those that stand in the way."""
    for sign, reaches in ((1.0, "at least"), (-1.0, "at most")):
        bounds = np.where(sign * row > 0.0, lower, np.where(row != 0.0, upper, 0.0))
        reach = float(row @ bounds)
        if sign * (reach - 1.0) > BOUND_TOLERANCE:
            named = ", ".join(
                f"{columns[i]} {'≥' if sign * row[i] > 0.0 else '≤'} {_percent(bounds[i])}"
                for i in np.flatnonzero(row).tolist()
                if sign < 0.0 or bounds[i] != 0.0
            )
            raise InfeasibleError(
                f"with {named}, {label} comes to {reaches} {_percent(reach)} of its right-hand side, "
                "not 100 %: relax some of these bounds"
            )


# --- words ----------------------------------------------------------------------------------------------


def _row_labels(count: int, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return tuple(f"row {i + 1}" for i in range(count))
    return tuple(f"row {i + 1} ({name})" for i, name in enumerate(_one_each("row", count, given)))


def _column_labels(count: int, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return tuple(f"column {i + 1}" for i in range(count))
    return _one_each("column", count, given)


def _one_each(kind: str, count: int, given: Sequence[str]) -> tuple[str, ...]:
    if len(given) != count:
        raise InputError(f"{len(given)} {kind} names are given for {count} {kind}s; give one a {kind}")
    return tuple(given)


def _percent(fraction: float) -> str:
    return f"{100.0 * fraction:.2f} %"
