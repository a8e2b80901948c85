"""One seam between what is computed and where: any executor of ``concurrent.futures``, fed chunk by chunk.

A worker holds what all items of a run share before the first of them reaches it, so a task is a few items and
nothing else. Chunks are sized by the seconds that earlier ones took, and so few are in flight that items and
results of a long run are never in memory together. Results do not depend on who computed them, or when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

from pyalloc.errors import UnavailableError

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK_SECONDS: Final = 0.5
"""What a chunk is to take: long beside what it costs to send one, short beside what a lost one costs."""

IN_FLIGHT: Final = 2
"""Chunks per worker that are sent and not yet answered: one being computed, one waiting there."""

_LARGEST_CHUNK = 1000
_LET_FINISH = 10.0  # seconds for what workers have in hand when the caller gives up
_LOOK_UP = 1.0  # seconds of waiting after which the caller is asked whether to go on


def no_complaint(shared: object) -> str:  # noqa: ARG001
    """Say that all is well."""
    return ""


class Workforce(Protocol):
    """Those who compute, all of whom hold the same value."""

    def computed(
        self,
        function: Callable[[Any, Item], Result],
        items: Iterable[Item],
        count: int,
        *,
        instead: Callable[[Item], Result] | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> Generator[tuple[Item, Result], None, None]:
        """Yield each item with its result as they come, in any order.

        Parameters
        ----------
        function : callable
            Given what is shared and an item; importable by name where others compute. What it raises is
            raised here, after the results of all that was begun before.
        items : iterable
            Read as far ahead as there are hands for.
        count : int
            How many items there are.
        instead : callable, optional
            Gives the result of an item at which one worker after the other was lost; default: raise.
        on_wait : callable, optional
            Called at least every second while results are waited for; may raise to give up.
        """
        ...


class Workers(Protocol):
    """Gathers workers that hold a value, and lets them go."""

    def __call__(
        self, shared: Any, check: Callable[[Any], str] = no_complaint
    ) -> AbstractContextManager[Workforce]:
        """Gather them.

        Parameters
        ----------
        shared : object
            Can be pickled.
        check : callable
            Given `shared` in a worker on another machine: why it cannot compute there, or nothing.

        Raises
        ------
        UnavailableError
            Where they cannot be had, or one of them is not fit.
        """
        ...


@dataclass(frozen=True)
class Here:
    """The caller's own process, which computes one item after the other."""

    shared: Any

    def computed(
        self,
        function: Callable[[Any, Item], Result],
        items: Iterable[Item],
        count: int,  # noqa: ARG002
        *,
        instead: Callable[[Item], Result] | None = None,  # noqa: ARG002
        on_wait: Callable[[], None] = lambda: None,  # noqa: ARG002
    ) -> Generator[tuple[Item, Result], None, None]:
        """Yield each item with its result, in order."""
        for item in items:
            yield item, function(self.shared, item)


@contextmanager
def here(shared: object, check: Callable[[Any], str] = no_complaint) -> Iterator[Workforce]:  # noqa: ARG001
    """Let this process do the work."""
    yield Here(shared)


@dataclass(frozen=True)
class Apart:
    """The workers of an executor.

    Attributes
    ----------
    executor : concurrent.futures.Executor
    workers : callable
        Returns how many there are at the moment.
    shared : Held or object
        What is shared, or where each worker holds it.
    lost : tuple of exception types
        What the executor raises for a task at which one worker after the other was lost.
    """

    executor: Executor
    workers: Callable[[], int]
    shared: Any
    lost: tuple[type[BaseException], ...] = ()

    def computed(
        self,
        function: Callable[[Any, Item], Result],
        items: Iterable[Item],
        count: int,
        *,
        instead: Callable[[Item], Result] | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> Generator[tuple[Item, Result], None, None]:
        """Yield each item with its result as they come.

        Raises
        ------
        UnavailableError
            Where the executor lets go of its tasks.
        """
        chunks = _Chunks(items, count)
        running: dict[Future[_Answer], list[Any]] = {}
        error: Exception | None = None
        try:
            while True:
                workers = max(1, self.workers())
                while not error and len(running) < IN_FLIGHT * workers and (chunk := chunks.next(workers)):
                    running[self.executor.submit(_compute, self.shared, function, chunk)] = chunk
                if not running:
                    break
                finished, _ = wait(running, timeout=_LOOK_UP, return_when=FIRST_COMPLETED)
                on_wait()
                # What was finished before an executor broke counts.
                for future in sorted(finished, key=_is_broken):
                    chunk = running.pop(future)
                    try:
                        answer = future.result()
                    except CancelledError:
                        raise UnavailableError("the workers were lost") from None
                    except self.lost:
                        if len(chunk) > 1:  # one of them is at fault, the others are not to pay for it
                            chunks.again.extend([item] for item in chunk)
                        elif instead is None:
                            raise
                        else:
                            yield chunk[0], instead(chunk[0])
                        continue
                    chunks.took(len(chunk), answer.seconds)
                    yield from zip(chunk, answer.results, strict=False)
                    error = error or answer.error
        finally:
            wait(running, timeout=_LET_FINISH)
        if error is not None:
            raise error


def lent(executor: Executor, workers: int) -> Workers:
    """Return the workers of any executor; what they share travels with every task, and nobody checks them."""

    @contextmanager
    def gathered(shared: object, check: Callable[[Any], str] = no_complaint) -> Iterator[Workforce]:  # noqa: ARG001
        yield Apart(executor, lambda: workers, shared)

    return gathered


class _Chunks:
    """Items in chunks of a size that follows the time they take, and falls towards the end."""

    def __init__(self, items: Iterable[Any], count: int) -> None:
        self.again: deque[list[Any]] = deque()
        self._items = iter(items)
        self._left = count
        self._size = 1

    def next(self, workers: int) -> list[Any]:
        """Return the next chunk, empty where there is none."""
        if self.again:
            return self.again.popleft()
        fair = self._left // (IN_FLIGHT * workers)
        chunk = list(islice(self._items, max(1, min(self._size, fair))))
        self._left -= len(chunk)
        return chunk

    def took(self, count: int, seconds: float) -> None:
        """Fit the size to a chunk of so many items that took so long; it grows at most twofold at once."""
        fitting = int(count * CHUNK_SECONDS / seconds) if seconds > 0.0 else _LARGEST_CHUNK
        self._size = max(1, min(fitting, 2 * count, _LARGEST_CHUNK))


def _is_broken(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


# --- in a worker ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """Stands in a task for what every worker holds under a key."""

    key: str


_held: dict[str, tuple[Any, str]] = {}


def hold(key: str, shared: object, complaint: str = "") -> None:
    """Let this process hold what the items of a run share, or remember why it cannot compute them."""
    _held[key] = shared, complaint


def let_go(key: str) -> None:
    """Let this process forget it."""
    _held.pop(key, None)


def complaint_of(key: str) -> str:
    """Return why this process cannot compute the items of a run; nothing where it can."""
    return _held[key][1]


@dataclass(frozen=True)
class _Answer:
    """The results of a chunk, up to an error if there was one, and the seconds that it took."""

    results: list[Any]
    seconds: float
    error: Exception | None = None


def _compute(shared: Any, function: Callable[[Any, Any], Any], chunk: list[Any]) -> _Answer:
    started = perf_counter()
    if isinstance(shared, Held):
        shared, complaint = _held[shared.key]
        if complaint:  # of a worker that came late: those who were there have been asked
            return _Answer([], 0.0, UnavailableError(complaint))
    results: list[Any] = []
    for item in chunk:
        try:
            results.append(function(shared, item))
        except Exception as error:
            return _Answer(results, perf_counter() - started, error)
    return _Answer(results, perf_counter() - started)
