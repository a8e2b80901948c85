"""Draw the pictures of the guide: the first page of every sheet of a client workbook over the demo market.

    python docs/make_pictures.py

LibreOffice lays the workbook out and poppler draws its pages, so both must be installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pyalloc import InvestorProfile, MarketData, allocate
from pyalloc.marketdata.demo import write_demo_market
from workbooks.history import history_at
from workbooks.template.book import fill
from workbooks.template.facts import Recipient
from workbooks.template.writer import write_workbook

PICTURES: Final = Path(__file__).with_name("pictures")
DOTS_PER_INCH: Final = 85
CLIENT: Final = InvestorProfile(risk="high", budget=250_000, currency="USD")
RECIPIENT: Final = Recipient("C-10482", "Sample Client")

_FOOTER: Final = re.compile(r"(\w+) · page \d+ of \d+")


def main() -> None:
    """Replace every picture; those of before stay until the workbook is printed."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        pdf = print_to_pdf(write_sample(Path(folder)))
        for old in PICTURES.glob("*.png"):
            old.unlink()
        for sheet, page in first_pages(pdf).items():
            picture = PICTURES / f"{sheet.lower()}.png"
            draw(pdf, page, picture)
            print(f"{picture.name:<18}page {page:>2}{picture.stat().st_size:>10,} bytes")


def write_sample(folder: Path) -> Path:
    """Write the workbook of the sample client over a fresh demo market into `folder`."""
    market = MarketData.from_path(write_demo_market(folder / "market"))
    allocation = allocate(market.at(), profile=CLIENT)
    history = history_at(market, allocation.policy, CLIENT.risk, allocation.view.as_of)
    book, facts = fill(allocation, RECIPIENT, history)
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


def draw(pdf: Path, page: int, picture: Path) -> None:
    """Draw a page of the PDF to a PNG file."""
    only = ("-singlefile", "-f", str(page), "-l", str(page), "-r", str(DOTS_PER_INCH))
    run("pdftoppm", "-png", *only, str(pdf), str(picture.with_suffix("")))


def run(program: str, *arguments: str) -> bytes:
    """Run a program that must be installed, and return what it prints."""
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is not installed: install LibreOffice and poppler")
    return subprocess.run([found, *arguments], check=True, capture_output=True).stdout  # noqa: S603


if __name__ == "__main__":
    main()
