"""Serve LibreOffice Calc to calc_host.py: one JSON request per line on stdin, one reply per line on stdout.

It runs under a Python that has ``uno``, seldom the one under test: standard library and uno only, Python 3.8
syntax. The server owns its soffice and their common profile; when stdin closes, for whatever reason, both go.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.container import NoSuchElementException
from com.sun.star.io import IOException
from com.sun.star.sheet.CellFlags import FORMULA
from com.sun.star.sheet.FormulaResult import ERROR
from com.sun.star.util.NumberFormat import LOGICAL

GRACE_SECONDS = 2
GENERAL = 0  # the key of the General number format
XLSX = "Calc MS Excel 2007 XML"
EVERY_CONTENT = 31  # CellFlags: numbers, dates, texts, notes, formulas
DISPLAYED_VALUES = 1  # SearchType

# Recalculate on load, always: otherwise Calc trusts the cached values of a file that another program wrote.
# No lock files: they would appear beside the workbook, and outlive a soffice that is killed.
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Misc">
<prop oor:name="UseLocking" oor:op="fuse"><value>false</value></prop></item>
</oor:items>
"""

# Calc keeps a literal boolean or error of an .xlsx cell as a formula.
LITERAL = re.compile(r"=(TRUE|FALSE)\(\)|=#[A-Z0-9/]+[!?]?")


class RefusedError(Exception):
    """The request cannot be met; soffice is well and takes the next one."""


# --- soffice --------------------------------------------------------------------------------------------


def start_office(soffice, profile, extensions=None):
    """Start soffice, in a process group of its own, with a fresh profile and a folder of extensions."""
    os.mkdir(os.path.join(profile, "user"))
    with open(os.path.join(profile, "user", "registrymodifications.xcu"), "w", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    command = [soffice, "--headless", "--norestore", "--nodefault", "--nofirststartwizard"]
    command += [f"--accept=pipe,name={pipe_name(profile)};urp;"]
    command += ["-env:UserInstallation=" + uno.systemPathToFileUrl(profile)]
    if extensions is not None:
        command += ["-env:BUNDLED_EXTENSIONS=" + uno.systemPathToFileUrl(extensions)]
    # English, so that booleans and errors read the same everywhere; temporary files go with the profile.
    environment = dict(os.environ, LC_ALL="C.UTF-8", TMPDIR=profile)
    with open(log_path(profile), "wb") as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def pipe_name(profile):
    return os.path.basename(profile)  # unique, as the profile is


def log_path(profile):
    return os.path.join(profile, "soffice.log")


def connect(office, profile):
    """Return the desktop of soffice as soon as it answers."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    url = f"uno:pipe,name={pipe_name(profile)};urp;StarOffice.ComponentContext"
    while office.poll() is None:
        try:
            context = resolver.resolve(url)
        except NoConnectException:
            time.sleep(0.05)
        else:
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
    with open(log_path(profile), encoding="utf-8", errors="replace") as log:
        raise RuntimeError(f"soffice ended with code {office.returncode}: {log.read().strip()}")


def kill(office):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(office.pid, signal.SIGKILL)


def properties(**values):
    return tuple(PropertyValue(name, 0, value, 0) for name, value in values.items())


# --- requests -------------------------------------------------------------------------------------------


def answer(desktop, call, paths, **arguments):
    """Open workbooks hidden, all at once, and do with them what is asked."""
    with contextlib.ExitStack() as opened:
        documents = [opened.enter_context(opened_workbook(desktop, path)) for path in paths]
        return REQUESTS[call](*documents, **arguments)


@contextlib.contextmanager
def opened_workbook(desktop, path):
    # The filter is named lest a damaged workbook be taken for a text file.
    options = properties(Hidden=True, FilterName=XLSX)
    document = desktop.loadComponentFromURL(uno.systemPathToFileUrl(path), "_blank", 0, options)
    if document is None:
        raise RefusedError(f"{path} is not a workbook that Calc can open")
    try:
        yield document
    finally:
        document.close(True)


def recalculate(document, edits):
    """Return every cell, with some overwritten and every formula computed anew."""
    for sheet, address, value in edits:
        write(document, sheet, address, value)
    document.calculateAll()
    return read_all(document)


def recalculate_together(*documents):
    """Return every cell of each document, read when all are computed."""
    for document in documents:
        document.calculateAll()
    return [read_all(document) for document in documents]


def time_calculation(document, rounds):
    """Return the seconds that each of some full recalculations takes."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        document.calculateAll()
        seconds.append(time.perf_counter() - started)
    return seconds


def read_all(document):
    """Return [sheet, address, value, is a formula] of every cell that is not empty."""
    sheets = {name: document.Sheets.getByName(name) for name in document.Sheets.ElementNames}
    cells = {name: read(sheet) for name, sheet in sheets.items()}
    # Last, because looking for booleans undoes filters, on which SUBTOTAL depends.
    for name, sheet in sheets.items():
        mark_booleans(cells[name], shown_as_boolean(sheet))
    return [[name, address_of(*place), *cells[name][place]] for name in cells for place in cells[name]]


def store(document, target, filter_name):
    """Store a recalculated copy through an export filter."""
    document.calculateAll()
    try:
        document.storeToURL(uno.systemPathToFileUrl(target), properties(FilterName=filter_name))
    except IOException:
        raise RefusedError(f"{target} cannot be written") from None


REQUESTS = {call.__name__: call for call in (recalculate, recalculate_together, time_calculation, store)}


# --- cells ----------------------------------------------------------------------------------------------


def write(document, sheet, address, value):
    """Overwrite one cell with a literal; None empties it."""
    try:
        edited = document.Sheets.getByName(sheet)
    except NoSuchElementException:
        raise RefusedError(f"there is no sheet {sheet}") from None
    edited.unprotect("")
    cell = edited.getCellRangeByName(address)
    if document.NumberFormats.getByKey(cell.NumberFormat).Type & LOGICAL:
        cell.NumberFormat = GENERAL  # or the number to come would be a boolean
    if value is None:
        cell.clearContents(EVERY_CONTENT)
    elif isinstance(value, bool):
        cell.setFormula("=TRUE()" if value else "=FALSE()")
    elif isinstance(value, str):
        cell.setString(value)
    else:
        cell.setValue(float(value))


def read(sheet):
    """Return {place: [value, is a formula]}, booleans still as the numbers they are to Calc."""
    used = sheet.createCursor()
    used.gotoEndOfUsedArea(True)
    values = used.getDataArray()
    errors = set(places(sheet.queryFormulaCells(ERROR)))
    formulas = set(places(sheet.queryContentCells(FORMULA)))
    cells = {}
    for row, texts in enumerate(used.getFormulaArray()):
        for column, text in enumerate(texts):
            if text:
                place = (column, row)
                value = error_at(sheet, place) if place in errors else values[row][column]
                cells[place] = [value, place in formulas and LITERAL.fullmatch(text) is None]
    return cells


def error_at(sheet, place):
    cell = sheet.getCellByPosition(*place)
    return {"code": cell.getError(), "text": cell.String}


def shown_as_boolean(sheet):
    """Return the places that read TRUE or FALSE: Calc has booleans only as a way to show 1 and 0."""
    sheet.Rows.IsFiltered = False  # the search passes over filtered rows
    search = sheet.createSearchDescriptor()
    search.SearchType = DISPLAYED_VALUES
    search.SearchRegularExpression = True
    search.SearchString = "^(TRUE|FALSE)$"
    found = sheet.findAll(search)
    return [] if found is None else places(found)


def mark_booleans(cells, candidates):
    """Turn 1 and 0 into booleans where they are shown so; text may read TRUE too, and stays text."""
    for place in candidates:
        if cells[place][0] in (0.0, 1.0):
            cells[place][0] = bool(cells[place][0])


def places(ranges):
    """Return the (column, row) of every cell in a collection of ranges."""
    return [
        (column, row)
        for area in ranges.getRangeAddresses()
        for column in range(area.StartColumn, area.EndColumn + 1)
        for row in range(area.StartRow, area.EndRow + 1)
    ]


def address_of(column, row):
    letters = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return f"{letters}{row + 1}"


# --- serving --------------------------------------------------------------------------------------------


def send(**reply):
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def read_requests(requests, office):
    """Queue what stdin brings; when it closes, ask for the end, and force it if soffice is stuck."""
    for line in sys.stdin:
        requests.put(json.loads(line))
    requests.put(None)
    time.sleep(GRACE_SECONDS)
    kill(office)


def serve(office, profile):
    requests = queue.Queue()
    threading.Thread(target=read_requests, args=(requests, office), daemon=True).start()
    desktop = connect(office, profile)
    send(result={"soffice_pid": office.pid})
    for request in iter(requests.get, None):
        try:
            send(result=answer(desktop, **request))
        except RefusedError as reason:
            send(refused=str(reason))
    desktop.terminate()
    office.wait()


def main(soffice, extensions=None):
    profile = tempfile.mkdtemp(prefix="pyalloc-calc-")
    try:
        office = start_office(soffice, profile, extensions)
        try:
            serve(office, profile)
        finally:
            kill(office)
    except Exception as error:  # soffice is gone or not to be trusted any more
        with contextlib.suppress(BrokenPipeError):
            send(failed=str(error) or type(error).__name__)
    finally:
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
