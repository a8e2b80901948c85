"""Tables from outside are read as they are meant, or refused in a sentence that says what to do."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyalloc.errors import TableError
from pyalloc.tables import (
    ColumnReader,
    ErrorCell,
    Table,
    delimited,
    package,
    read_prices,
    read_table,
    sheetxml,
)

Save = Callable[..., Path]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Return a function that saves text (as UTF-8) or bytes under a file name and returns the path."""
    folder = tmp_path_factory.mktemp("private-folder")

    def save(content: str | bytes, name: str = "clients.csv") -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return save


def refusal(path: Path, read: Callable[[Path], object] = read_table) -> str:
    """Return the message with which a file is refused; it never names the folder."""
    with pytest.raises(TableError) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert path.parent.name not in str(caught.value)
    return str(caught.value)


def numbers(path: Path, column: str = "budget") -> tuple[float, ...]:
    reader = ColumnReader(read_table(path))
    values = reader.number(column)
    reader.check()
    return values


def complaints(table: Table, read: Callable[[ColumnReader], object]) -> list[str]:
    reader = ColumnReader(table)
    read(reader)
    return [problem.reason for problem in reader.problems]


def column_of(cells: Iterable[object], decimal_marks: str = "") -> Table:
    rows = tuple((cell,) for cell in cells)
    return Table("clients.xlsx", ("cell",), rows, tuple(range(2, len(rows) + 2)), decimal_marks)


# --- files ----------------------------------------------------------------------------------------------


def test_a_missing_file_is_refused(save: Save) -> None:
    assert "does not exist" in refusal(save("").with_name("nobody.csv"))


@pytest.mark.parametrize("name", ["folder.csv", "folder.xlsx"])
def test_a_folder_is_refused(save: Save, name: str) -> None:
    folder = save("").with_name(name)
    folder.mkdir()
    assert "folder" in refusal(folder)


def test_a_file_without_permission_is_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, *_mode: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    path = save("a,b\n1,2\n")
    monkeypatch.setattr(Path, "open", deny)
    assert "close it in other programs" in refusal(path)


def test_another_kind_of_file_is_refused(save: Save) -> None:
    assert "save it as .csv, .csv.gz or .xlsx" in refusal(save("a,b\n", "clients.ods"))


def test_a_csv_file_has_no_sheets(save: Save) -> None:
    assert "no sheets" in refusal(save("a\n1\n"), lambda path: read_table(path, sheet="Clients"))


def test_a_file_larger_than_the_limit_is_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_CSV_BYTES", 1 << 20)
    assert "larger than 1 MiB" in refusal(save("a\n" + "1\n" * (1 << 20)))


def test_gzip_is_unpacked(save: Save) -> None:
    assert read_table(save(gzip.compress(b"a,b\n1,2\n", mtime=0), "clients.csv.gz")).rows == (("1", "2"),)


def test_a_gzip_bomb_is_refused_before_it_unfolds(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_CSV_BYTES", 1 << 20)
    assert "larger than 1 MiB" in refusal(save(gzip.compress(b"a\n" * (4 << 20)), "clients.csv.gz"))


def test_a_file_of_separators_is_refused_before_it_fills_the_memory(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "MAX_CSV_CELLS", 1000)
    assert "more than 1,000 cells" in refusal(save("a,b\n" + "," * 1000))


@pytest.mark.parametrize(
    "data", [gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], b"a,b\n1,2\n", b"\x1f\x8b"]
)
def test_cut_or_false_gzip_is_refused(save: Save, data: bytes) -> None:
    assert "not complete gzip" in refusal(save(data, "clients.csv.gz"))


# --- csv: text, separators, rows ------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=12)
amounts = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(names.filter(str.strip), amounts), min_size=1, max_size=8),
    dialect=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_comes_back_as_it_was_written(
    save: Save, rows: list[tuple[str, float]], dialect: tuple[str, str], encoding: str, line_end: str
) -> None:
    separator, mark = dialect
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=line_end)
    # Quoted by hand: a writer with tabs would leave two more candidates for the separator bare.
    file.write(f'"client, full; name"{separator}budget{line_end}')
    written = [*rows, ("who proves the decimal mark", 0.5)]
    writer.writerows((name, repr(amount).replace(".", mark)) for name, amount in written)
    path = save(file.getvalue().encode(encoding))
    table = read_table(path)
    assert table.columns == ("client, full; name", "budget")
    assert [row[0] for row in table.rows] == [name for name, _ in written]
    assert numbers(path) == tuple(amount for _, amount in written)


def test_text_that_is_not_utf8_is_refused_by_line(save: Save) -> None:
    message = refusal(save("client,budget\nA,1\nJosé,2\n".encode("latin-1")))
    assert message == 'clients.csv line 3 is not UTF-8 text (byte 0xe9): save the file as "CSV UTF-8"'


def test_a_nul_byte_is_refused_by_line(save: Save) -> None:
    assert "line 2 contains a NUL byte" in refusal(save(b"client\nA\0B\n"))


def test_row_numbers_are_those_of_the_spreadsheet(save: Save) -> None:
    table = read_table(save('\nclient,note\n\n"A","first\nsecond"\n,\nB,""\n'))
    assert table.rows == (("A", "first\nsecond"), ("B", ""))
    assert table.row_numbers == (4, 6)


def test_old_mac_line_ends_are_read(save: Save) -> None:
    assert read_table(save("a,b\r1,2\r")).rows == (("1", "2"),)


def test_a_doubled_quote_is_one_quote(save: Save) -> None:
    assert read_table(save('a;b\n"say ""hi""; now";2\n')).rows == (('say "hi"; now', "2"),)


def test_a_header_with_two_separators_is_settled_by_the_rows(save: Save) -> None:
    table = read_table(save("client;budget, EUR\nA;100\nB;200\n"))
    assert table.columns == ("client", "budget, EUR")


def test_a_separator_that_nothing_settles_is_refused(save: Save) -> None:
    assert "put header names" in refusal(save("client,name;budget\nA,B;1\n"))


def test_one_column_needs_no_separator(save: Save) -> None:
    assert read_table(save("client\nA\nB\n")).rows == (("A",), ("B",))


@pytest.mark.parametrize(
    "text", ['a,b\n1,2\n"open,3\n4,5\n', 'a,b\n1,2\n"x"y,3\n', f"a,b\n1,2\n{'x' * 10**6},3\n"]
)
def test_quotes_that_do_not_close_and_endless_cells_are_refused_by_row(save: Save, text: str) -> None:
    assert "row 3 cannot be split into cells" in refusal(save(text))


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", ",,\n,,\n"])
def test_an_empty_file_is_refused(save: Save, text: str) -> None:
    assert "is empty" in refusal(save(text))


def test_a_header_without_rows_is_refused(save: Save) -> None:
    assert "has a header but no rows" in refusal(save("client,budget\n,\n"))


def test_columns_of_one_name_are_refused(save: Save) -> None:
    assert "more than one column budget:" in refusal(save("Budget,client, budget \n1,A,2\n"))


def test_a_row_longer_than_the_header_is_refused(save: Save) -> None:
    assert "a value in cell C3, under no column name" in refusal(save("a,b\n1,2\n1,2,3\n"))


def test_a_value_under_no_name_is_refused_and_a_blank_column_dropped(save: Save) -> None:
    assert "a value in cell B2" in refusal(save("a,,c\n1,2,3\n"))
    assert read_table(save("a,,c,\n1,,3,\n")).rows == (("1", "3"),)


def test_trailing_separators_may_be_missing(save: Save) -> None:
    assert read_table(save("a,b,c\n1\n1,2,3\n")).rows == (("1", "", ""), ("1", "2", "3"))


def test_a_file_that_ends_inside_a_row_is_refused(save: Save) -> None:
    assert "it was cut off" in refusal(save("a,b,c\n1,2,3\n4,5"))
    assert read_table(save("a,b,c\n1,2,3\n4,5,6")).row_numbers == (2, 3)


def test_column_names_match_whatever_their_case_and_spacing(save: Save) -> None:
    table = read_table(save(" Client  ID ,BUDGET\nA,1\n"))
    table.require("client id", "Budget")
    assert table.columns == ("Client  ID", "BUDGET")
    assert table.column("CLIENT ID") == ("A",)


def test_missing_columns_are_named_with_the_nearest_and_those_present(save: Save) -> None:
    table = read_table(save("client,Bugdet\nA,1\n"))
    with pytest.raises(TableError) as caught:
        table.require("client", "budget", "xyz")
    missing, present = str(caught.value).split(": ")
    assert missing == 'clients.csv has no column "budget" (did you mean "Bugdet"?) and "xyz"'
    assert present == "its columns are client, Bugdet"


# --- numbers in text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,5", "1,234"], (1.5, 1.234)),
        (["0,123", "250"], (0.123, 250.0)),
        (["1234,567"], (1234.567,)),
        (["-,5", "+1,25e3"], (-0.5, 1250.0)),
        (["1.5", "1.234"], (1.5, 1.234)),
        (["12", "1e3", "-7"], (12.0, 1000.0, -7.0)),
    ],
)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_numbers_say_which_decimal_mark_they_use(
    save: Save, separator: str, cells: list[str], expected: tuple[float, ...]
) -> None:
    assert numbers(save("".join(f"{cell}{separator}x\n" for cell in ["budget", *cells]))) == expected


@pytest.mark.parametrize("cell", ["1,234", "250.000", "-12,000"])
def test_a_fraction_that_may_be_thousands_is_never_guessed(save: Save, cell: str) -> None:
    path = save(f"client;budget\nA;100\nB;{cell}\n")
    assert "may be a fraction or thousands" in refusal(path, numbers)


def test_another_column_settles_the_decimal_mark(save: Save) -> None:
    path = save("budget;growth\n1,234;0,02\n")
    assert numbers(path) == (1.234,)
    assert numbers(path, "growth") == (0.02,)


def test_a_column_outranks_what_the_rest_of_the_file_suggests(save: Save) -> None:
    assert numbers(save("version;budget\n1.5;0,5\n2.5;1,234\n")) == (0.5, 1.234)


def test_thousands_in_a_file_of_decimal_commas_are_refused(save: Save) -> None:
    path = save("growth;budget\n0,02;250.000\n")
    assert '"250.000" uses "." where "," marks decimals' in refusal(path, numbers)


def test_a_column_with_both_decimal_marks_is_refused(save: Save) -> None:
    message = refusal(save("budget;x\n1,5;a\n2.5;a\n7;a\n"), numbers)
    assert message.count("uses both , and . for decimals") == 2


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("12o000", '"12o000" is not a number'),
        ("5 %", '"5 %" has a percent sign: write 0.05 for 5 %'),
        (
            "1,5",
            '"1,5" uses "," where "." marks decimals: write decimals after "." and no thousands separators',
        ),
        ("1,234.50", '"1,234.50" is not a number: write it without thousands separators'),
        ("1 234", '"1 234" is not a number: write it without thousands separators'),
        ("1e999", '"1e999" is not a finite number'),
        ("nan", '"nan" is not a number'),
        ("inf", '"inf" is not a number'),
        ("1_000", '"1_000" is not a number'),
        ("１", '"１" is not a number'),
        ("TRUE", '"TRUE" is not a number'),
        ("#N/A", '"#N/A" is not a number'),
        ("--5", '"--5" is not a number'),
        ("", "the cell is blank: fill it in"),
    ],
)
def test_what_is_not_a_number_is_said_so(save: Save, cell: str, reason: str) -> None:
    path = save(f'client,budget\nA,"{cell}"\n')
    assert refusal(path, numbers) == f"clients.csv row 2, column budget: {reason}"


def test_numbers_out_of_range_are_refused_with_their_unit() -> None:
    table = column_of(["0", "-1234567.5", "100", "1000"], ".")
    reasons = complaints(table, lambda reader: reader.number("cell", above=0, maximum=100, unit="USD"))
    assert reasons == [
        f"{given} USD is out of range: write a number above 0 USD and at most 100 USD"
        for given in ("0", "-1,234,567.5", "1,000")
    ]
    assert ColumnReader(table).number("cell", minimum=-2e6, below=1000)[:3] == (0.0, -1234567.5, 100.0)
    assert complaints(table, lambda reader: reader.number("cell", minimum=-2e6, below=1000)) == [
        "1,000 is out of range: write a number at least -2,000,000 and below 1,000"
    ]


# --- typed columns --------------------------------------------------------------------------------------


def test_all_complaints_come_at_once_and_good_rows_stay_usable(save: Save) -> None:
    path = save("client,risk,budget\nA,high,100\nB,hihg,12o000\n,low,7\nD,LOW,4\n")
    reader = ColumnReader(read_table(path))
    clients = reader.text("client")
    budgets = reader.number("budget", above=5, unit="EUR")
    risks = reader.choice("risk", ["low", "high"])
    assert [clients[row] for row in reader.good_rows] == ["A"]
    assert budgets[0] == 100.0
    assert math.isnan(budgets[1])
    assert risks == ("high", "", "low", "low")
    assert [str(problem) for problem in reader.problems] == [
        'clients.csv row 3, column budget: "12o000" is not a number',
        'clients.csv row 3, column risk: "hihg" is not one of low, high (did you mean "high"?)',
        "clients.csv row 4, column client: the cell is blank: fill it in",
        "clients.csv row 5, column budget: 4 EUR is out of range: write a number above 5 EUR",
    ]
    with pytest.raises(TableError) as caught:
        reader.check()
    assert len(caught.value.problems) == 4


def test_a_caller_can_add_complaints_of_its_own(save: Save) -> None:
    reader = ColumnReader(read_table(save("client,risk\nA,low\nB,11\n")))
    reader.refuse(1, "RISK", "11 is above 10")
    assert [str(problem) for problem in reader.problems] == ["clients.csv row 3, column risk: 11 is above 10"]
    assert reader.good_rows == (0,)


def test_an_optional_column_may_be_blank_or_absent_and_a_required_one_not(save: Save) -> None:
    reader = ColumnReader(read_table(save("client,note,limit\nA,,\n")))
    assert reader.text("note", required=False) == ("",)
    assert reader.text("nowhere", required=False) == ("",)
    assert reader.date("nowhere", required=False) == (None,)
    assert np.isnan(reader.number("limit", required=False)).all()
    assert np.isnan(reader.number("nowhere", required=False)).all()
    assert reader.problems == ()
    with pytest.raises(TableError, match='has no column "budget"'):
        reader.number("budget")


def test_text_is_stripped_and_whole_numbers_lose_their_point() -> None:
    table = column_of([" A 1 ", 10482.0, 7.5, 123456789012345.0, "Zoë 資産"])
    assert ColumnReader(table).text("cell") == ("A 1", "10482", "7.5", "123456789012345", "Zoë 資産")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (1e15, "more than 15 digits"),
        (True, "the truth value TRUE is not text"),
        (dt.date(2016, 1, 2), "the date 2016-01-02 is not text"),
        (dt.timedelta(hours=30), "is not text"),
        ("a\nb", '"a\\u000ab" contains a line break or control character'),
        ("a\x9bb", "control character"),
        ("a\ufffeb", "control character"),
        ("#REF!", "is a spreadsheet error"),
        ("x" * 256, "has 256 characters: at most 255 are allowed"),
    ],
)
def test_what_is_not_plain_text_is_refused(cell: object, reason: str) -> None:
    assert [reason in text for text in complaints(column_of([cell]), lambda r: r.text("cell"))] == [True]


@pytest.mark.parametrize("cell", [True, dt.date(2016, 1, 2), dt.time(12), "1.5 %", "1.5", "x", math.inf])
def test_what_is_not_a_number_cell_is_refused_in_a_workbook(cell: object) -> None:
    assert len(complaints(column_of([cell]), lambda r: r.number("cell"))) == 1


def test_dates_are_date_cells_or_iso_text() -> None:
    written = [dt.date(2016, 12, 30), dt.datetime(2016, 12, 30), "2016-12-30", " 2016-12-30 "]
    assert ColumnReader(column_of(written)).date("cell") == (dt.date(2016, 12, 30),) * 4


@pytest.mark.parametrize(
    "cell", ["30.12.2016", "12/30/2016", "20161230", "2016-W52-5", "2016-1-5", 42734.0, True, dt.time(12)]
)
def test_other_dates_are_refused_with_the_form_to_use(cell: object) -> None:
    (reason,) = complaints(column_of([cell]), lambda r: r.date("cell"))
    assert "write year-month-day, as 2016-12-30" in reason


def test_days_outside_the_calendar_and_times_of_day_are_refused() -> None:
    table = column_of(["2016-02-30", dt.datetime(2016, 1, 2, 12)])
    first, second = complaints(table, lambda r: r.date("cell"))
    assert '"2016-02-30" is not in the calendar' in first
    assert "has a time of day" in second


# --- workbooks ------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def workbook(rows: Iterable[Iterable[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    return saved(book)


def with_part(data: bytes, name: str, content: str | Callable[[str], str]) -> bytes:
    """Return a workbook of which one part is replaced or edited."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in {*old.namelist(), name}:
            text = old.read(part).decode() if part in old.namelist() else ""
            edited = content(text) if callable(content) else content
            new.writestr(part, edited if part == name else text)
    return file.getvalue()


def with_cells(rows: str, strings: str = "", prolog: str = "") -> bytes:
    """Return a workbook whose sheet holds these row elements and whose shared strings are these."""
    sheet = f'{prolog}<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    data = with_part(workbook([["x"]]), "xl/worksheets/sheet1.xml", sheet)
    return with_part(data, "xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{strings}</sst>')


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


ODD_FILES = {
    "calamine_date_1904.xlsx": (("2021-01-01", "15"), 2),
    "calamine_empty_sheet.xlsx": 'sheet "Sheet1" is empty',
    "calamine_errors.xlsx": "cell A1 holds the error #DIV/0!",
    "calamine_has_x000D_.xlsx": "a header but no rows",
    "calamine_merge_cells.xlsx": "a value in cell B2, under no column name",
    "poi_59746_NoRowNums.xlsx": (
        (
            *("Checked", "Ion", "Charge", "Molecular Weight", "m/z", "RT [min]", "FWHM [min]"),
            *("# MI", "Area", "Parent Area [%]", "Study File ID"),
        ),
        70,
    ),
    "poi_MalformedSSTCount.xlsx": (("sdgf", "fdsag", "dsafv", "asdf"), 2),
    "poi_MatrixFormulaEvalTestData.xlsx": "a value in cell I2, under no column name",
    "poi_SampleSS.strict.xlsx": "a value in cell B2, under no column name",
    "poi_TwoSheetsOneHidden.xlsx": "a header but no rows",
    "poi_noSharedStringTable.xlsx": "a header but no rows",
    "poi_protected_passtika.xlsx": "protected by a password",
    "poi_xlsx-corrupted.xlsx": "is damaged",
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_workbooks_are_read_or_refused_in_a_sentence(shared_data: Path, name: str) -> None:
    path, outcome = shared_data / "excel" / "odd" / name, ODD_FILES[name]
    if isinstance(outcome, str):
        assert outcome in refusal(path)
    else:
        table = read_table(path)
        assert (table.columns, len(table.rows)) == outcome


def test_every_odd_workbook_is_accounted_for(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "excel" / "odd").iterdir()} == set(ODD_FILES)


def test_dates_count_from_1904_where_the_workbook_does(shared_data: Path) -> None:
    table = read_table(shared_data / "excel" / "odd" / "calamine_date_1904.xlsx")
    assert table.rows[0] == (dt.date(2021, 1, 2), 16.0)


def test_strict_ooxml_sheets_are_read_by_name(shared_data: Path) -> None:
    path = shared_data / "excel" / "odd" / "poi_SampleSS.strict.xlsx"
    assert "a header but no rows" not in refusal(path, lambda path: read_table(path, sheet="sheet number 2"))
    listed = refusal(path, lambda path: read_table(path, sheet="Clients"))
    assert 'no sheet "Clients": its sheets are "First Sheet", "Sheet Number 2", "Sheet3"' in listed


def test_an_old_xls_under_a_new_name_is_refused(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "clients.xlsx"
    shutil.copyfile(shared_data / "category" / "damodaran_histretSP.xls", path)
    assert "old .xls format" in refusal(path)


def test_cells_of_every_kind_come_back_from_a_workbook(save: Save) -> None:
    when = dt.datetime(2016, 12, 30, 12, 30)
    row = ("Zoë", 10482, 0.05, True, when.date(), when, dt.time(12), None)
    header = ("name", "id", "growth", "flag", "date", "moment", "hour", "note")
    table = read_table(save(workbook([[], header, row]), "clients.xlsx"))
    assert table.columns == header
    assert table.rows == (("Zoë", 10482.0, 0.05, True, when.date(), when, dt.time(12), ""),)
    assert table.row_numbers == (3,)


def test_the_first_visible_sheet_is_read_unless_one_is_named(save: Save) -> None:
    book = openpyxl.Workbook()
    book.active.title = "lists"
    book.active.sheet_state = "hidden"
    book.active.append(["hidden"])
    book.active.append([1])
    visible = book.create_sheet("Clients")
    visible.append(["client"])
    visible.append(["A"])
    path = save(saved(book), "clients.xlsx")
    assert read_table(path).columns == ("client",)
    assert read_table(path, sheet="Lists").columns == ("hidden",)


def test_a_workbook_without_sheets_is_refused(save: Save) -> None:
    data = with_part(
        workbook([["a"], [1]]), "xl/workbook.xml", f'<workbook xmlns="{_MAIN}"><sheets/></workbook>'
    )
    assert "no visible sheet" in refusal(save(data, "clients.xlsx"))


def test_an_error_cell_is_a_complaint_by_reference_only_when_its_column_is_used(save: Save) -> None:
    cells = f'<row r="1">{text_cell("A1", "a")}{text_cell("C1", "c")}</row>'
    cells += '<row r="2"><c r="A2"><v>1</v></c></row>'
    cells += '<row r="3"><c r="A3"><v>2</v></c><c r="C3" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    table = read_table(save(with_cells(cells), "clients.xlsx"))
    reader = ColumnReader(table)
    assert reader.number("a") == (1.0, 2.0)
    assert reader.problems == ()
    reader.text("c", required=False)
    assert [str(problem) for problem in reader.problems] == [
        "clients.xlsx row 3, column c: cell C3 holds the error #DIV/0!: correct it and save the file"
    ]
    assert isinstance(table.rows[1][1], ErrorCell)


def test_a_new_kind_of_error_refuses_the_sheet_by_reference(save: Save) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2" t="e"><v>#SPILL!</v></c></row>'
    assert "cell A2 holds the error #SPILL!" in refusal(save(with_cells(cells), "clients.xlsx"))


def test_a_formula_that_was_never_calculated_is_not_a_blank(save: Save) -> None:
    path = save(workbook([["client", "budget"], ["A", "=1+1"], ["B", 2]]), "clients.xlsx")
    reader = ColumnReader(read_table(path))
    reader.number("budget", required=False)
    assert [problem.row_number for problem in reader.problems] == [2]
    assert "cell B2 holds a formula that was never calculated" in str(reader.problems[0])


def test_carriage_returns_written_as_escapes_are_control_characters(save: Save) -> None:
    cells = f'<row r="1">{text_cell("A1", "a")}</row><row r="2">{text_cell("A2", "x_x000D_y")}</row>'
    table = read_table(save(with_cells(cells), "clients.xlsx"))
    (reason,) = complaints(table, lambda reader: reader.text("a"))
    assert "control character" in reason


def test_external_entities_are_never_read(save: Save) -> None:
    secret = save("the secret", "secret.txt")
    doctype = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    cells = f'<row r="1">{text_cell("A1", "&e;")}</row><row r="2"><c r="A2"><v>1</v></c></row>'
    assert "is damaged" in refusal(save(with_cells(cells, prolog=doctype), "clients.xlsx"))


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="ZZZZZZ1"><v>5</v></c></row>',
        '<row r="1"><c r="A99999999999"><v>5</v></c></row>',
        '<row r="1"><c r="XFE1"><v>5</v></c></row>',
        '<row r="4294967296"><c><v>5</v></c></row>',
        '<row r="3"><c r="A3"><v>3</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>3</v></c><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A2"><v>3</v></c></row>',
        '<row r="1"><c r="A1"><v><![CDATA[5]]></v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>7</v></c></row>',
        '<row r="1"><c r="A1"><v>5</v></c>',
        '<row r="1"><c r="A1" s="1"><v>-1e308</v></c></row>',
    ],
    ids=lambda cells: cells[:40],
)
def test_cells_out_of_place_or_out_of_bounds_are_damage(save: Save, cells: str) -> None:
    data = with_cells(cells)
    dates = (
        f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="46"/></cellXfs></styleSheet>'
    )
    path = save(with_part(data, "xl/styles.xml", dates), "clients.xlsx")
    assert "is damaged" in refusal(path)


def test_a_stray_value_far_below_is_named_before_it_fills_the_memory(save: Save) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    message = refusal(save(with_cells(cells), "clients.xlsx"))
    assert "larger than 5,000,000 cells" in message
    assert "at cell XFD1048576" in message


def test_one_long_string_in_every_cell_is_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheetxml, "MAX_CHARACTERS", 100_000)
    cells = '<row r="1">' + '<c t="s"><v>0</v></c>' * 101 + "</row>"
    data = with_cells(cells, strings=f"<si><t>{'x' * 1000}</t></si>")
    assert "or 100,000 characters at cell CW1" in refusal(save(data, "clients.xlsx"))


@pytest.mark.parametrize("claimed", ["2147483648", "18446744073709551615"])
def test_a_claim_of_endless_shared_strings_is_not_believed(save: Save, claimed: str) -> None:
    data = with_part(
        with_cells('<row r="1"><c r="A1"><v>1</v></c></row>'),
        "xl/sharedStrings.xml",
        f'<sst xmlns="{_MAIN}" uniqueCount="{claimed}"><si><t>a</t></si></sst>',
    )
    assert "is damaged" in refusal(save(data, "clients.xlsx"))


def test_a_zip_bomb_is_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 1 << 20)
    bomb = with_part(workbook([["a"], [1]]), "xl/media/image1.png", "0" * (4 << 20))
    assert len(bomb) < 1 << 16
    assert "unpacks to more than 1 MiB" in refusal(save(bomb, "clients.xlsx"))


def test_a_zip_bomb_that_lies_about_its_size_is_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 1 << 20)
    bomb = with_part(workbook([["a"], [1]]), "xl/media/image1.png", "0" * (4 << 20))
    lie = bomb.replace((4 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    assert lie != bomb
    assert "unpacks to more than 1 MiB" in refusal(save(lie, "clients.xlsx"))


def test_a_cut_or_false_workbook_is_refused(save: Save) -> None:
    data = workbook([["a"], [1]])
    assert "is damaged" in refusal(save(data[: len(data) // 2], "clients.xlsx"))
    assert "is not an Excel workbook" in refusal(save("a,b\n1,2\n", "clients.xlsx"))
    assert "is not an Excel workbook" in refusal(save(b"", "clients.xlsx"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    assert "without an Excel workbook" in refusal(save(file.getvalue(), "clients.xlsx"))


@settings(max_examples=150)
@given(
    data=st.binary(max_size=200) | st.text(st.sampled_from('ab1.,;\t"\n\r %'), max_size=60).map(str.encode),
    name=st.sampled_from(["clients.csv", "clients.csv.gz", "clients.xlsx"]),
)
@example(b"PK\x03\x04", "clients.xlsx")
@example(b"PK\x05\x06" + bytes(18), "clients.xlsx")
@example(b'"', "clients.csv")
def test_whatever_the_bytes_nothing_but_a_table_error_escapes(save: Save, data: bytes, name: str) -> None:
    path = save(data, name)
    try:
        table = read_table(path)
    except TableError:
        return
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)
    reader = ColumnReader(table)
    for column in table.columns:
        reader.text(column), reader.number(column), reader.date(column)
    assert len(reader.good_rows) + len({problem.row_number for problem in reader.problems}) == len(table.rows)


@settings(max_examples=150)
@given(
    position=st.integers(0, 2**20),
    piece=st.binary(min_size=1, max_size=6),
    part=st.integers(0, 8),
    cut=st.booleans(),
)
def test_whatever_the_damage_to_a_workbook_nothing_but_a_table_error_escapes(
    save: Save, position: int, piece: bytes, part: int, cut: bool
) -> None:
    good = workbook([["client", "budget", "date"], ["A", 1.5, dt.date(2016, 1, 1)], ["B", "=1/0", True]])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(file, "w") as new:
        for index, name in enumerate(sorted(old.namelist())):
            content = old.read(name)
            if index == part:
                start = position % len(content)
                content = content[:start] + piece + content[start + len(piece) * cut :]
            new.writestr(name, content)
    try:
        table = read_table(save(file.getvalue(), "clients.xlsx"))
    except TableError:
        return
    assert table.rows


# --- prices ---------------------------------------------------------------------------------------------


def price_frame(n_dates: int, n_assets: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        np.exp(rng.normal(4.0, 2.0, (n_dates, n_assets))),
        index=pd.DatetimeIndex(pd.bdate_range("1999-12-31", periods=n_dates), name="date"),
        columns=[f"S{number}" for number in range(n_assets)],
    )
    return frame.mask(rng.random(frame.shape) < 0.1)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 99),
    n_dates=st.integers(1, 30),
    n_assets=st.integers(1, 6),
    dialect=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ",")]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    shuffled=st.booleans(),
)
def test_prices_come_back_to_the_last_bit(
    save: Save, seed: int, n_dates: int, n_assets: int, dialect: tuple[str, str], quoting: int, shuffled: bool
) -> None:
    frame = price_frame(n_dates, n_assets, seed)
    frame.iloc[0, 0] = 0.5
    separator, mark = dialect
    written = frame.sample(frac=1, random_state=seed) if shuffled else frame
    text = written.to_csv(sep=separator, decimal=mark, quoting=quoting)
    read = read_prices(save(text, "prices.csv"))
    pd.testing.assert_frame_equal(read, frame, check_exact=True, check_freq=False)


def test_prices_of_many_assets_are_read_in_a_moment(save: Save) -> None:
    path = save(gzip.compress(price_frame(4_300, 110).to_csv().encode(), 1), "prices.csv.gz")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert read_prices(path).shape == (4_300, 110)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


def test_real_prices_are_read(shared_data: Path) -> None:
    prices = read_prices(shared_data / "prices" / "us_stocks_sectors_1999_2016.csv.gz")
    assert prices.shape == (4278, 103)
    assert prices.index[0] == pd.Timestamp("1999-12-31")
    assert set(prices.dtypes) == {np.dtype(float)}


PRICES = "date,A,B\n2016-01-04,1.5,2\n2016-01-05,1.25,\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PRICES + "2016-01-06,12o,1\n", 'row 4, column A: "12o" is not a number'),
        (PRICES + "2016-01-06,TRUE,1\n", 'row 4, column A: "TRUE" is not a number'),
        ("date,A\n2016-01-06,TRUE\n2016-01-07,FALSE\n", 'row 2, column A: "TRUE" is not a number'),
        (PRICES + "2016-01-06,NA,1\n", 'row 4, column A: "NA" is not a number'),
        (PRICES + "2016-01-06,1e999,1\n", "gives A the price inf on 2016-01-06"),
        (
            PRICES + "2016-01-06,1,-0.5\n",
            "gives B the price -0.5 on 2016-01-06: a price is positive and finite",
        ),
        (PRICES + "2016-01-06,0,1\n", "gives A the price 0 on 2016-01-06"),
        (PRICES + '2016-01-06,"0",1\n', "gives A the price 0 on 2016-01-06"),
        (PRICES + "2016-01-04,1,1\n", "more than one row of 2016-01-04: keep one"),
        (PRICES + "2016-1-6,1,1\n", 'row 4, column date: "2016-1-6" is not a date'),
        (PRICES + "2016-02-30,1,1\n", 'row 4, column date: "2016-02-30" is not in the calendar'),
        (PRICES + ",1,1\n", "row 4, column date: the cell is blank"),
        (PRICES + "2016-01-06,1,1,1\n", "a value in cell D4, under no column name"),
        ("date,A,B\n2016-01-06,1,1,1\n", "a value in cell D2, under no column name"),
        (PRICES + "2016-01-06,1", "it was cut off"),
        ("date,A,B,a\n2016-01-06,1,1,1\n", "more than one column a:"),
        (",A,B\n2016-01-06,1,1\n", "a value in cell A2, under no column name"),
        ("date,A\n", "a header but no rows"),
        ("date\n2016-01-06\n", "add a column of prices per asset"),
        ("", "is empty"),
        ("date;A\n2016-01-06;1,234\n", "may be a fraction or thousands"),
    ],
)
def test_prices_that_cannot_be_meant_are_refused(save: Save, text: str, reason: str) -> None:
    assert reason in refusal(save(text, "prices.csv"), read_prices)


def test_a_price_file_wrong_in_every_cell_names_the_first_few(save: Save) -> None:
    path = save("date,A,B\n" + "".join(f"2016-01-{day:02d},0,x\n" for day in range(1, 31)), "prices.csv")
    with pytest.raises(TableError) as caught:
        read_prices(path)
    assert len(caught.value.problems) == 11
    assert caught.value.problems[-1] == "and 20 more problems like these"


def test_blank_rows_and_missing_trailing_separators_do_not_shift_prices(save: Save) -> None:
    prices = read_prices(save("date,A,B\n\n2016-01-05,3\n,,\n2016-01-04,1,2\n", "prices.csv"))
    assert prices.index.tolist() == [pd.Timestamp("2016-01-04"), pd.Timestamp("2016-01-05")]
    assert prices["A"].tolist() == [1.0, 3.0]
    assert prices["B"].isna().tolist() == [False, True]


def test_prices_in_a_file_of_another_kind_are_refused(save: Save) -> None:
    assert "save the prices as .csv" in refusal(save(b"", "prices.pdf"), read_prices)
