"""Candidates timed in turn, round by round, so that what slows the machine slows all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter


def paired(
    candidates: Mapping[str, Callable[[], object]], rounds: int, calls: int = 1
) -> dict[str, list[float]]:
    """Return the seconds of each candidate, one for each round, after a round that does not count.

    Each round starts with another candidate. Of several calls in a row, which candidates of a few
    milliseconds need, the mean counts.
    """
    order = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    for name in order:
        candidates[name]()
    for _ in range(rounds):
        for name in order:
            started = perf_counter()
            for _ in range(calls):
                candidates[name]()
            seconds[name].append((perf_counter() - started) / calls)
        order.append(order.pop(0))
    return seconds


def show(
    title: str,
    seconds: Mapping[str, list[float]],
    reference: str,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Print least and median milliseconds, and the ratios to the reference of the same round."""
    width = max(len(name) for name in seconds)
    print(f"\n{title}")
    print(f"{'':<{width}}{'ms: min':>11}{'median':>11}{'ratio: min':>13}{'median':>11}")
    for name, times in seconds.items():
        ratios = [own / other for own, other in zip(times, seconds[reference], strict=True)]
        print(
            f"{name:<{width}}{1e3 * min(times):>11.2f}{1e3 * median(times):>11.2f}"
            f"{min(ratios):>13.2f}{median(ratios):>11.2f}   {(notes or {}).get(name, '')}".rstrip()
        )
