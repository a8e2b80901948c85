"""Client lists: what a row may say, how every fault is told, and file names that no id can abuse."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from pyalloc.errors import TableError
from pyalloc.profile import InvestorProfile
from workbooks.clients import MAX_FILE_NAME_BYTES, Client, read_clients, safe_file_name

HEADER = "client_id,name,risk,budget"


@pytest.fixture
def listed(tmp_path):
    """Return a function that writes lines to a csv and reads them as a client list."""

    def read(*lines, **options):
        path = tmp_path / "clients.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_clients(path, **options)

    return read


def complaints(clients):
    return [(problem.row_number, problem.column, problem.reason) for problem in clients.problems]


# --- rows -----------------------------------------------------------------------------------------------


def test_a_row_becomes_a_client(listed):
    clients = listed(
        f"{HEADER},currency,stocks_min,stocks_max,cash_max,exclude,as_of",
        "C1,Amber,High,2500.5,eur,0.1,0.6,0.2,AAA; BBB AAA,2016-12-30",
    )
    bounds = {"Stocks": (0.1, 0.6), "Cash": (0.0, 0.2)}
    profile = InvestorProfile("high", 2500.5, "EUR", bounds, ("AAA", "BBB"))
    assert clients.clients == (Client("C1", "Amber", profile, date(2016, 12, 30)),)
    assert clients.problems == ()


def test_optional_cells_may_be_blank_or_absent(listed):
    blank = listed(f"{HEADER},currency,bonds_min,exclude,as_of", "C1,Amber,low,100,,,,")
    absent = listed(HEADER, "C1,Amber,low,100")
    assert blank.clients == absent.clients == (Client("C1", "Amber", InvestorProfile("low", 100.0)),)


@pytest.mark.parametrize(("cell", "risk"), [("7", 7), ("7.5", 7.5), ("MEDIUM", "medium"), ("10", 10)])
def test_risk_is_a_level_or_a_number(listed, cell, risk):
    assert listed(HEADER, f"C1,Amber,{cell},100").clients[0].profile.risk == risk


def test_semicolons_and_decimal_commas_are_read(listed):
    clients = listed("client_id;name;risk;budget;stocks_max", "C1;Amber;7,5;1000,50;0,4")
    assert clients.clients[0].profile == InvestorProfile(7.5, 1000.5, bounds={"Stocks": (0.0, 0.4)})


def test_a_workbook_is_read_like_a_csv(tmp_path):
    book = Workbook()
    book.active.append(["Notes"])
    sheet = book.create_sheet("Clients")
    sheet.append([*HEADER.split(","), "as_of"])
    sheet.append([1001, "Amber", 7, 250_000, date(2016, 12, 30)])
    sheet.append(["C2", "Bramble", "low", 1000.25, None])
    book.save(tmp_path / "clients.xlsx")
    clients = read_clients(tmp_path / "clients.xlsx", sheet="Clients")
    assert clients.clients == (
        Client("1001", "Amber", InvestorProfile(7, 250_000.0), date(2016, 12, 30)),
        Client("C2", "Bramble", InvestorProfile("low", 1000.25)),
    )


def test_bounds_follow_the_categories_of_the_policy(listed):
    lines = (f"{HEADER},real_estate_max", "C1,Amber,low,100,0.25")
    assert listed(*lines, categories=("Stocks", "Real Estate")).clients[0].profile.bounds == {
        "Real Estate": (0.0, 0.25)
    }
    with pytest.raises(
        TableError, match='bounds no category of the policy with the column "real_estate_max"'
    ):
        listed(*lines)


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("risk", "11", "risk is 11; it must be low, medium, high or a number from 1 to 10"),
        ("risk", "0.5", "risk is 0.5"),
        ("risk", "hgih", "risk is 'hgih'"),
        ("risk", "", "the cell is blank"),
        ("budget", "-5", "it must be above 0"),
        ("budget", "12o000", '"12o000" is not a number'),
        ("budget", "10.005", "USD has 2 decimals, so round it"),
        ("currency", "dollars", "it must be a three-letter ISO code"),
        ("stocks_min", "5", "was percent meant? Write 0.05 for 5 %"),
        ("stocks_max", "40", "was percent meant? Write 0.4 for 40 %"),
        ("stocks_max", "5%", "has a percent sign: write 0.05 for 5 %"),
        ("stocks_min", "-0.1", "they must be fractions"),
        ("stocks_min", "0.7", "bounds of Stocks are 0.7 to 0.6"),
        ("as_of", "30/12/2016", "is not a date"),
        ("name", "a\x07b", "control character"),
    ],
)
def test_a_bad_cell_is_told_with_its_row_its_column_and_what_is_allowed(listed, column, cell, says):
    good = {
        "client_id": "C1",
        "name": "Amber",
        "risk": "low",
        "budget": "100",
        "currency": "USD",
        "stocks_min": "0.1",
        "stocks_max": "0.6",
        "as_of": "2016-12-30",
    }
    bad = good | {"client_id": "C2", column: cell}
    clients = listed(",".join(good), ",".join(good.values()), ",".join(bad.values()))
    assert [client.client_id for client in clients.clients] == ["C1"]
    ((row, where, reason),) = complaints(clients)
    assert (row, where) == (3, column)
    assert says in reason


def test_every_fault_of_every_row_is_told_at_once(listed):
    clients = listed(
        f"{HEADER},stocks_min,stocks_max", "C1,Amber,11,-5,7,-1", "C2,Bramble,low,100,,", ",Cinder,9,x,,"
    )
    assert [(row, column) for row, column, _ in complaints(clients)] == [
        *((2, column) for column in ("risk", "budget", "stocks_min", "stocks_max")),
        *((4, column) for column in ("client_id", "budget")),
    ]
    assert [client.client_id for client in clients.clients] == ["C2"]
    assert list(clients.refused) == [2, 4]


def test_a_repeated_id_is_refused_in_each_later_row_even_in_another_case(listed):
    clients = listed(HEADER, "C1,Amber,low,1", "c1,Bramble,low,2", "C1,Cinder,low,3")
    assert [client.name for client in clients.clients] == ["Amber"]
    assert [(row, "row 2" in reason) for row, _, reason in complaints(clients)] == [(3, True), (4, True)]


def test_an_id_whose_file_is_taken_is_refused(listed):
    changed = safe_file_name("a/b")
    clients = listed(HEADER, "a/b,Amber,low,1", f"{changed},Bramble,low,2")
    ((row, column, reason),) = complaints(clients)
    assert (row, column) == (3, "client_id")
    assert "shares the file of row 2" in reason


def test_a_column_that_means_nothing_is_named_and_ignored(listed):
    clients = listed(f"{HEADER},Country,advisor", "C1,Amber,low,1,NL,Bea")
    assert clients.ignored_columns == ("Country", "advisor")
    assert len(clients.clients) == 1


@pytest.mark.parametrize(
    ("column", "meant"), [("curency", "currency"), ("excluded", "exclude"), ("asof", "as_of")]
)
def test_a_column_that_is_nearly_known_is_refused_with_what_was_meant(listed, column, meant):
    with pytest.raises(TableError, match=f'"{column}" \\(did you mean "{meant}"\\?\\)'):
        listed(f"{HEADER},{column}", "C1,Amber,low,1,")


def test_a_misspelt_bound_is_never_ignored(listed):
    with pytest.raises(TableError, match='the column "stock_min": the columns for bounds are stocks_min,'):
        listed(f"{HEADER},stock_min", "C1,Amber,low,1,0.1")


def test_only_the_clients_asked_for_stay_and_an_unknown_one_is_refused(listed):
    clients = listed(HEADER, "C1,Amber,low,1", "C2,Bramble,low,2", "C3,Cinder,11,3")
    assert [client.client_id for client in clients.only(["C2", "C1"]).clients] == ["C1", "C2"]
    assert clients.only(["C1"]).problems == ()
    with pytest.raises(TableError, match=r"no usable client C3\n.*row 4, column risk"):
        clients.only(["C1", "C3"])


# --- file names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["C-1001", "a.b_c", "Zoë", "顧客7", "_x"])
def test_an_ordinary_id_is_its_own_file_name(client_id):
    assert safe_file_name(client_id) == client_id


@pytest.mark.parametrize(
    "client_id",
    [
        *("../../x", "..", "", "/etc/passwd", "C:\\x", "a/b", "~", "-rf", ".hidden", "x.", "x ", " x"),
        *("CON", "nul", "NUL.txt", "com1", "LPT²", "batch-summary", "Batch-Summary", "a\u202eb", "😀"),
        *("Zoe\u0308", "x" * 500, "漢" * 100, "\ud800", "=A1", "a:b", "a*?"),
    ],
)
def test_an_odd_id_gets_a_harmless_name_with_a_mark(client_id):
    name = safe_file_name(client_id)
    assert name != client_id
    assert_harmless(name)


@settings(max_examples=300)
@given(st.text(max_size=120))
def test_any_id_gets_a_harmless_name(client_id):
    assert_harmless(safe_file_name(client_id))


@settings(max_examples=200)
@given(st.lists(st.text("aA/\\.:-_ é\u0301", max_size=8), min_size=2, max_size=2, unique=True))
def test_two_ids_do_not_meet_in_one_changed_name(ids):
    first, second = map(safe_file_name, ids)
    assert first != second


def assert_harmless(name):
    file = f"{name}.xlsx"
    assert PurePosixPath(file).name == file
    assert PureWindowsPath(file).name == file
    assert not PureWindowsPath(file).is_reserved()
    assert 0 < len(name.encode()) <= MAX_FILE_NAME_BYTES
    assert name[0] not in ".-"
    assert name[-1] not in ". "
    assert name.isprintable()
    assert file.casefold() != "batch-summary.xlsx"
