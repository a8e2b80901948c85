"""One request to a vendor: retried with back-off where waiting may help, refused in a sentence elsewhere."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode, urlsplit
from urllib.request import Request, urlopen

from pyalloc import __version__
from pyalloc.errors import InputError, UnavailableError

Answer = TypeVar("Answer")

MAX_ANSWER_BYTES: Final = 64 << 20
"""The largest answer that is read; FRED's longest daily series is a few hundred KiB."""

_SECONDS_TO_ANSWER: Final = 30.0
_WORTH_WAITING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Status codes that a later attempt may not meet."""


class PassingError(Exception):
    """An answer that a later attempt may better; `wait` is what the vendor asks for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Patience:
    """How often and how long to wait for a vendor.

    The pause before attempt i + 1 is `first` × 2^i seconds, at most `longest`, times a random factor between
    0.5 and 1.5, so that many desks throttled at once do not come back at once. A vendor that names a longer
    pause (Retry-After) gets it, up to `longest`.
    """

    attempts: int = 5
    first: float = 1.0
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.5)  # noqa: S311

    def through(self, vendor: str, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` answers, asked again after each :class:`PassingError`.

        Raises
        ------
        UnavailableError
            Where the last attempt failed too.
        """
        for attempt in range(self.attempts):
            try:
                return ask()
            except PassingError as passing:
                last = passing
                if attempt + 1 < self.attempts:
                    pause = min(self.longest, self.first * 2.0**attempt) * self.jitter()
                    self.sleep(max(pause, min(passing.wait, self.longest)))
        raise UnavailableError(f"{vendor} {last} ({self.attempts} attempts): nothing was written, try later")


def checked_base(option: str, base: str) -> str:
    """Return a base address without its final slash; refuse what is no http address."""
    if "@" in base:
        raise InputError(f"{option} holds a login: write the address alone, with nothing before an @")
    if not _is_http(base):
        raise InputError(f"{option} is {base!r}; write an address such as https://mirror.example/fred")
    return base.rstrip("/")


def _is_http(base: str) -> bool:
    """Return whether a path and a query can be put after this address, and be asked for."""
    try:
        parts = urlsplit(base)
        hosted = bool(parts.hostname) and parts.port != 0
    except ValueError:  # half of an IPv6 address, or a port that is no number
        return False
    plain = base.isascii() and base.isprintable() and " " not in base
    return plain and hosted and parts.scheme in ("http", "https") and not (parts.query or parts.fragment)


def get_text(vendor: str, address: str, query: Mapping[str, str], patience: Patience) -> str:
    """Return the text that a vendor answers.

    Proxies are those of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).

    Raises
    ------
    UnavailableError
        Where the vendor cannot be reached, or answers with an error, a web page, or half of a text. The
        key in the query is in no message, also where the vendor repeats it.
    """
    request = Request(  # noqa: S310  (checked_base let http and https through alone)
        f"{address}?{urlencode(query)}", headers={"User-Agent": f"pyalloc/{__version__}"}
    )
    try:
        text = patience.through(vendor, lambda: _ask(vendor, request, address))
    except UnavailableError as error:
        raise UnavailableError(_without_key(str(error), query)) from None
    if text.lstrip()[:1] == "<":
        raise UnavailableError(
            f"{vendor} answered with a web page where data was expected, at {address}: "
            "check the address, and whether a proxy wants a login"
        )
    return text


def _without_key(message: str, query: Mapping[str, str]) -> str:
    key = query.get("api_key", "")
    for written in filter(None, (key, quote_plus(key))):
        message = message.replace(written, "(the key)")
    return message


def _ask(vendor: str, request: Request, address: str) -> str:
    host = urlsplit(address).netloc
    try:
        with urlopen(request, timeout=_SECONDS_TO_ANSWER) as answer:  # noqa: S310
            body: bytes = answer.read(MAX_ANSWER_BYTES + 1)
            # Asked for a number of bytes, http.client says nothing where fewer came than were declared.
            declared = answer.headers.get("Content-Length")
            whole = (
                declared == str(len(body))
                if declared
                else answer.headers.get("Transfer-Encoding") == "chunked"
            )
    except HTTPError as error:
        if error.code in _WORTH_WAITING:
            raise PassingError(f"answers {error.code} {error.reason}", seconds_asked(error.headers)) from None
        raise UnavailableError(
            f"{vendor} at {host} answers {error.code} {error.reason}{_said(error)}: "
            "check the address and the key"
        ) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise PassingError(
            f"cannot be reached at {host}, or breaks off ({reason}): check the network, the proxy "
            "and the address"
        ) from None
    if len(body) > MAX_ANSWER_BYTES:
        raise UnavailableError(
            f"{vendor} at {host} is larger than {MAX_ANSWER_BYTES >> 20} MiB: check the address"
        )
    text = body.decode("utf-8", errors="replace")
    if not whole and (declared or not text.endswith(("\n", "}"))):
        raise PassingError("breaks off in the middle of an answer")
    return text


def seconds_asked(headers: Message | Mapping[str, str]) -> float:
    """Return the pause that Retry-After asks for in seconds; 0 where there is none, or a date."""
    asked = headers.get("Retry-After") or ""
    return float(asked) if asked.isdecimal() else 0.0


def _said(error: HTTPError) -> str:
    """Return what FRED's API says of a bad request, as the end of a sentence."""
    import json

    try:
        message = json.loads(error.read(4096)).get("error_message", "")
    except (ValueError, AttributeError, OSError):
        return ""
    return f" ({' '.join(message.split())})" if isinstance(message, str) and message else ""
