"""What decides the bytes of a workbook, as text and as SHA-256: the same inputs, the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import zlib
from dataclasses import astuple
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import pyalloc

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from workbooks.clients import Client

LIBRARIES: Final = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "piqp",
    "cvxcla",
    "openpyxl",
    "orjson",
    "isal",
)
"""What computes and renders beside pyalloc itself; the last two are optional."""


def sha256(content: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def market_sha256(market: MarketData) -> str:
    """Return the SHA-256 of everything that a market holds, whatever files it came from."""
    described = [
        market.closes.shape,
        [astuple(asset) for asset in market.assets],
        [astuple(snapshot) for snapshot in market.macro],
        market.notice,
    ]
    digest = hashlib.sha256(json.dumps(described, default=date.isoformat).encode())
    digest.update(market.days.astype("<M8[D]").tobytes())
    digest.update(market.closes.astype("<f8").tobytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of all that computes and renders, and the kind of machine; empty: not installed."""
    return {
        "pyalloc": pyalloc.__version__,
        "python": platform.python_version(),
        **{library: _version(library) for library in LIBRARIES},
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "machine": f"{platform.system()} {platform.machine()}",
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "as many as it likes"),
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def inputs_of(client: Client, last_day: date) -> str:
    """Return as JSON what one client's workbook is made from, beside what all have in common.

    Parameters
    ----------
    client : Client
    last_day : date
        Of the market; stands where the client has no as-of date, so that the text says the same later.
    """
    profile = client.profile
    return json.dumps(
        {
            "client_id": client.client_id,
            "name": client.name,
            "as_of": (client.as_of or last_day).isoformat(),
            "risk": profile.risk,
            "budget": profile.budget,
            "currency": profile.currency,
            "bounds": {category: list(pair) for category, pair in profile.bounds.items()},
            "exclude": list(profile.exclude),
            "overrides": [[*entry, coefficient] for entry, coefficient in profile.overrides.items()],
        },
        ensure_ascii=False,
    )


def client_of(inputs: str) -> Client:
    """Return the client that :func:`inputs_of` described."""
    from pyalloc.profile import InvestorProfile
    from workbooks.clients import Client

    given = json.loads(inputs)
    profile = InvestorProfile(
        risk=given["risk"],
        budget=given["budget"],
        currency=given["currency"],
        bounds={category: (least, greatest) for category, (least, greatest) in given["bounds"].items()},
        exclude=tuple(given["exclude"]),
        overrides={(row, column): coefficient for row, column, coefficient in given["overrides"]},
    )
    return Client(given["client_id"], given["name"], profile, date.fromisoformat(given["as_of"]))
