"""Draw the pictures of the guide: the first page of every sheet of a client workbook over the demo market.

    python docs/make_pictures.py

LibreOffice lays the workbook out and poppler draws its pages, so both must be installed.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import InvestorProfile, MarketData, allocate
from pyalloc.marketdata.demo import write_demo_market
from workbooks.template.book import fill
from workbooks.template.facts import Recipient
from workbooks.template.writer import write_workbook

PICTURES: Final = Path(__file__).with_name("pictures")
DOTS_PER_INCH: Final = 100
CLIENT: Final = InvestorProfile(risk="high", budget=250_000, currency="USD")
RECIPIENT: Final = Recipient("C-10482", "Sample Client")

_FOOTER: Final = re.compile(r"(\w+) · page \d+ of \d+")
_PALETTE: Final = 256
_STEPS: Final = (8.5, 17.0, 51.0)  # how far colours apart are close; the last leaves 6 × 6 × 6 at most


def main() -> None:
    """Replace every picture; those of before stay until the workbook is printed."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        pdf = print_to_pdf(write_sample(Path(folder)))
        for old in PICTURES.glob("*.png"):
            old.unlink()
        for sheet, page in first_pages(pdf).items():
            picture = PICTURES / f"{sheet.lower()}.png"
            picture.write_bytes(indexed_png(draw(pdf, page)))
            print(f"{picture.name:<18}page {page:>2}{picture.stat().st_size:>10,} bytes")


def write_sample(folder: Path) -> Path:
    """Write the workbook of the sample client over a fresh demo market into `folder`."""
    market = MarketData.from_path(write_demo_market(folder / "market"))
    book, facts = fill(allocate(market.at(), profile=CLIENT), RECIPIENT)
    workbook = folder / "sample.xlsx"
    write_workbook(book, facts, workbook)
    return workbook


def print_to_pdf(workbook: Path) -> Path:
    """Return the workbook printed to a PDF beside it, by a LibreOffice with a profile of its own."""
    profile = (workbook.parent / "profile").as_uri()
    places = ("--outdir", str(workbook.parent), str(workbook))
    run("soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to", "pdf", *places)
    return workbook.with_suffix(".pdf")


def first_pages(pdf: Path) -> dict[str, int]:
    """Return the first page, from 1, of each sheet, told by the footers."""
    pages: dict[str, int] = {}
    text = run("pdftotext", "-layout", str(pdf), "-").decode()
    for number, page in enumerate(text.split("\f"), start=1):
        if footer := _FOOTER.search(page):
            pages.setdefault(footer[1], number)
    return pages


def draw(pdf: Path, page: int) -> NDArray[np.uint8]:
    """Return a page as pixels, shape (height, width, 3)."""
    only = ("-singlefile", "-f", str(page), "-l", str(page), "-r", str(DOTS_PER_INCH))
    _, size, _, pixels = run("pdftoppm", *only, str(pdf)).split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def indexed_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG with a palette, a third of the size of one without.

    Colours that are close are drawn as the most frequent of them, which leaves the house colours as they are.
    """
    height, width, _ = pixels.shape
    colours, place, count = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    frequent_first = np.argsort(-count, kind="stable")
    for step in _STEPS:
        close = np.round(colours[frequent_first] / step)
        _, first, entry = np.unique(close, axis=0, return_index=True, return_inverse=True)
        if len(first) <= _PALETTE:
            break
    palette = colours[frequent_first][first]
    entries = np.empty(len(colours), dtype=np.uint8)
    entries[frequent_first] = entry
    rows = np.pad(entries[place].reshape(height, width), ((0, 0), (1, 0)))  # a 0 first: no filter

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", palette.tobytes())
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def run(program: str, *arguments: str) -> bytes:
    """Run a program that must be installed, and return what it prints."""
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is not installed: install LibreOffice and poppler")
    return subprocess.run([found, *arguments], check=True, capture_output=True).stdout  # noqa: S603


if __name__ == "__main__":
    main()
