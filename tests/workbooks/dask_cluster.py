"""A real Dask cluster on this machine: a scheduler and workers as processes of their own, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from workbooks.processes import ONE_THREAD


class DaskCluster:
    """Starts and kills the processes of a cluster; a context manager that leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, workers: int = 2) -> None:
        """Start a scheduler, which listens when this returns, and workers, which need not be there yet."""
        places = ["--host", "127.0.0.1", "--port", str(self._port), "--no-show", "--no-dashboard"]
        self.scheduler = self._run("dask_scheduler", *places)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                assert self.scheduler.poll() is None, "the scheduler has ended"
                time.sleep(0.02)
            else:
                break
        for _ in range(workers):
            self.add_worker()

    def add_worker(self, threads: int = 1, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        how = ["--host", "127.0.0.1", "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        scratch = ["--local-directory", str(self._folder)]
        self.workers.append(self._run("dask_worker", self.address, *how, *scratch, **environment))
        return self.workers[-1]

    def stop(self) -> None:
        """Kill all of it."""
        for process in [self.scheduler, *self.workers]:
            if process is not None:
                process.kill()
                process.wait()
        self.scheduler, self.workers = None, []

    def _run(self, program: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        self._started += 1
        with (self._folder / f"{program}{self._started}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
                env=os.environ | ONE_THREAD | environment,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
