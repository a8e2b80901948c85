"""One client's workbook: allocated, rendered, and in its place only when it is complete."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import PurePath
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pyalloc.errors import PyallocError
from workbooks.destination import Destination, DestinationError
from workbooks.engines import Engine, EngineName, Flavour, make_engine
from workbooks.results import ClientResult, Figures

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation
    from pyalloc.marketdata import MarketData, MarketView
    from pyalloc.policy import Policy
    from workbooks.clients import Client


@lru_cache(maxsize=1)
def engine_of_this_process(name: EngineName, template: bytes | None, flavour: Flavour) -> Engine:
    """Return the engine, made the first time that it is asked for."""
    return make_engine(name, template, flavour)


@dataclass(frozen=True)
class Maker:
    """What all clients of a run share; each process has one."""

    market: MarketData
    policy: Policy
    engine: EngineName
    template: bytes | None
    flavour: Flavour
    out: Destination
    dry: bool = False

    @property
    def last_day(self) -> date:
        """Of the market: what clients without an as-of date are allocated at."""
        day: date = self.market.days[-1].item()
        return day

    @cached_property
    def _view(self) -> Callable[[date | None], MarketView]:
        return lru_cache(maxsize=2)(self.market.at)

    def make(self, client: Client) -> ClientResult:
        """Make one client's workbook; what goes wrong becomes a sentence.

        Raises
        ------
        DestinationError
            Where the disk is full or the store is out of reach: no other client would fare better.
        """
        started = perf_counter()
        path = self.out.path(client.file_name)
        error, details = "", ""
        try:
            return replace(self._made(client, path), seconds=perf_counter() - started)
        except DestinationError:
            raise
        except PyallocError as refusal:
            error = str(refusal)
        except PermissionError:
            error = f"{path.name} may not be written: close the file in Excel and run again"
        except OSError as failure:
            error = f"{path.name} cannot be written ({failure.strerror}): name another folder"
        except Exception as bug:
            error = f"pyalloc failed unexpectedly ({type(bug).__name__}); the log says where"
            details = traceback.format_exc()
        return ClientResult(client, path, seconds=perf_counter() - started, error=error, details=details)

    def _made(self, client: Client, path: PurePath) -> ClientResult:
        from pyalloc.allocation import allocate
        from workbooks.template.facts import Recipient

        allocation = allocate(self._view(client.as_of), profile=client.profile, policy=self.policy)
        render = engine_of_this_process(self.engine, self.template, self.flavour)
        content, facts = render(allocation, Recipient(client.client_id, client.name))
        if not self.dry:
            self.out.put(path.name, content)
        sha256 = hashlib.sha256(content).hexdigest()
        return ClientResult(client, path, _figures(allocation, facts), sha256, len(content))


def _figures(allocation: Allocation, facts: Mapping[str, Any]) -> Figures:
    trace = allocation.trace
    return Figures(
        as_of=trace["as_of"],
        regime=trace["regime"],
        stress=trace["stress"],
        weights=tuple(map(float, trace["category_weights"])),
        amounts=tuple(
            round(float(amount), trace["currency_digits"]) for amount in facts["holding_category_amount"]
        ),
        target_status=trace["target_status"],
        checks=facts["checks_summary"],
        notices=len(allocation.notices),
    )
