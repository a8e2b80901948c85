"""Workers of a Dask cluster, each holding what a run shares.

Each worker is asked, when it joins, whether it would make the same bytes as this machine: the same versions
of all that computes and renders, one thread, and whatever the run wants checked. The scheduler remembers what
workers are to hold, so that one which joins late or starts again holds it too, and gives the chunk of a lost
worker to another. Needs the extra ``cluster``: imported only where a cluster is named.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, Final

import numpy as np  # noqa: F401 (loads its BLAS, so that its threads can be counted)
import scipy.linalg  # noqa: F401 (and its own)
from distributed import Client, Worker, WorkerPlugin
from distributed.scheduler import KilledWorker
from threadpoolctl import threadpool_info

from pyalloc.errors import UnavailableError
from pyalloc.execution import (
    Apart,
    Held,
    Workers,
    Workforce,
    complaint_of,
    hold,
    let_go,
    no_complaint,
)
from workbooks.fingerprint import versions

_CONNECT_SECONDS = 30
_BETWEEN_COUNTS = 2.0  # seconds; the scheduler is asked how many workers there are
_WITHOUT_WORKERS = 300.0  # seconds after which a cluster that has lost all its workers is given up

_START_ONE = "start one as docs/scale.md says"

_TALKATIVE: Final = ("distributed.client", "distributed.core", "distributed.batched", "tornado.application")
"""Loggers that print tracebacks for what becomes a sentence here."""


def cluster_workers(address: str) -> Workers:
    """Return the workers of the Dask scheduler at an address, as ``tcp://10.0.0.5:8786``."""

    @contextmanager
    def gathered(shared: object, check: Callable[[Any], str] = no_complaint) -> Iterator[Workforce]:
        with _connected(address) as client, _holding(client, address, shared, check) as held:
            executor: Executor = client.get_executor(pure=False)
            workers = _Count(client, address)
            try:
                yield Apart(executor, workers, held, lost=(KilledWorker,))
            except UnavailableError as error:
                if client.status == "running":
                    raise
                raise UnavailableError(f"the scheduler at {address} was lost: start it again") from error

    return gathered


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    before = {name: logging.getLogger(name).level for name in _TALKATIVE}
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        try:
            client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"there is no Dask scheduler at {address} ({error}): start it, or give another address, as "
                "tcp://10.0.0.5:8786"
            ) from error
        try:
            yield client
        finally:
            client.close()
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _holding(client: Client, address: str, shared: object, check: Callable[[Any], str]) -> Iterator[Held]:
    """Let every worker hold what is shared, also those that join later, and refuse what is not fit."""
    key = f"pyalloc-{secrets.token_hex(8)}"
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError:
        raise UnavailableError(f"the scheduler at {address} has no workers: {_START_ONE}") from None
    try:
        client.register_plugin(_Holding(key, shared, check), name=key)
    except Exception as error:  # whatever a worker raises that cannot load pyalloc
        raise UnavailableError(
            f"the workers of {address} cannot load pyalloc ({type(error).__name__}: {error}): install the "
            "version there that is installed here"
        ) from error
    try:
        answers = client.run(partial(complaint_of, key))
        complaints = [f"worker {worker}: {complaint}" for worker, complaint in answers.items() if complaint]
        if complaints:
            raise UnavailableError("\n".join(complaints))
        yield Held(key)
    finally:
        if client.status == "running":
            client.unregister_worker_plugin(key)


class _Holding(WorkerPlugin):
    """Lets each worker hold what is shared, and find out whether it can compute with it."""

    def __init__(self, key: str, shared: object, check: Callable[[Any], str]) -> None:
        self._key = key
        self._shared = shared
        self._check = check
        self._expected = versions()

    def setup(self, worker: Worker) -> None:
        """Hold it, in the worker."""
        complaint = unfit(self._expected, worker.state.nthreads) or self._check(self._shared)
        hold(self._key, self._shared, complaint)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Forget it, at the end of the run."""
        let_go(self._key)


def unfit(expected: dict[str, str], threads: int) -> str:
    """Return why a workbook of this worker would not have the bytes of the driver's; nothing where it would.

    Parameters
    ----------
    expected : mapping
        Versions of all that computes and renders where the run was started.
    threads : int
        Tasks that this worker runs at the same time.
    """
    found = versions()
    others = [
        f"{name} {found.get(name) or 'none'} in place of {version or 'none'}"
        for name, version in expected.items()
        if found.get(name) != version
    ]
    if others:
        return f"has {', '.join(others)}: install what is installed where the run was started"
    if threads != 1:
        return f"runs {threads} tasks at once: start it with --nthreads 1, one worker for each processor"
    if (most := _blas_threads()) > 1:
        return f"lets BLAS use {most} threads, which changes the bytes: start it with OPENBLAS_NUM_THREADS=1"
    return ""


def _blas_threads() -> int:
    counts = (found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas")
    return max(counts, default=1)


class _Count:
    """How many workers there are; a cluster that has none for minutes is given up."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._count = 1
        self._look_at = 0.0
        self._seen = monotonic()

    def __call__(self) -> int:
        if self._client.status != "running":
            # Not every task is told: one whose result is just being fetched would be waited for for ever.
            raise UnavailableError("the workers were lost")
        now = monotonic()
        if now >= self._look_at:
            self._count = len(self._client.scheduler_info(n_workers=-1).get("workers", ()))
            self._look_at = now + _BETWEEN_COUNTS
        if self._count:
            self._seen = now
        elif now > self._seen + _WITHOUT_WORKERS:
            raise UnavailableError(
                f"the scheduler at {self._address} has had no worker for {_WITHOUT_WORKERS:.0f} seconds: "
                f"{_START_ONE}"
            )
        return self._count
