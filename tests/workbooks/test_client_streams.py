"""Client lists of any length: streamed in blocks, told as if they were read whole, in memory that is flat."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import tracemalloc
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pyalloc.errors import InputError, TableError
from pyalloc.profile import InvestorProfile
from pyalloc.tables import Problem, delimited, reading
from workbooks.clients import Client, read_clients, stream_clients
from workbooks.clients.filenames import safe_file_name

HEADER = "client_id,name,risk,budget"
MANY = 300_000 if os.environ.get("PYALLOC_SOAK") else 5_000


@pytest.fixture
def blocks_of_two(monkeypatch):
    """Let a block hold two rows, so that a short list has many."""
    monkeypatch.setattr(reading, "BLOCK_ROWS", 2)


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves lines as a csv, and returns its path."""

    def save(*lines, name="clients.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return save


def told(path, **options):
    """Return the list as ids, and row number, key and reason of each problem."""
    return [
        item.client_id if isinstance(item, Client) else (item.row_number, item.key, item.reason)
        for item in stream_clients(path, **options)
    ]


# --- blocks ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("blocks_of_two")
def test_clients_and_problems_come_in_the_order_of_the_list(saved):
    path = saved(HEADER, "C1,A,low,1", "C2,B,11,x", "C3,C,low,3", "C4,D,low,4", ",E,low,5")
    first, risk, budget, third, fourth, blank = told(path)
    assert (first, third, fourth) == ("C1", "C3", "C4")
    assert [risk[:2], budget[:2], blank[:2]] == [(3, "C2"), (3, "C2"), (6, "")]


def test_a_bad_row_is_named_by_number_and_by_client(saved):
    (problem,) = stream_clients(saved(HEADER, "C7,A,low,12o000"))
    assert str(problem) == 'clients.csv row 2, column budget: "12o000" is not a number (C7)'


@pytest.mark.usefixtures("blocks_of_two")
def test_a_list_is_read_again_from_its_beginning(saved):
    clients = stream_clients(saved(HEADER, *(f"C{i},A,low,1" for i in range(5))))
    assert list(clients) == list(clients)
    assert len(list(clients)) == 5


@settings(max_examples=60)
@given(
    ids=st.lists(st.sampled_from(["C1", "c1", "C2", "a/b", safe_file_name("a/b"), "", "x"]), min_size=1),
    risk=st.sampled_from(["low", "7", "99"]),
    size=st.integers(1, 4),
)
def test_a_list_is_told_the_same_whatever_the_size_of_its_blocks(tmp_path_factory, ids, risk, size):
    path = tmp_path_factory.mktemp("lists") / "clients.csv"
    path.write_text("\n".join([HEADER, *(f"{each},A,{risk},1" for each in ids)]) + "\n")
    whole = read_clients(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_ROWS", size)
        assert read_clients(path) == whole
    usable = [client.file_name.casefold() for client in whole.clients]
    assert len(usable) == len(set(usable))


@pytest.mark.usefixtures("blocks_of_two")
def test_a_repeat_is_found_across_blocks(saved):
    path = saved(HEADER, *(f"C{i},A,low,1" for i in range(9)), "c3,B,low,1")
    assert told(path)[-1] == (11, "c3", "c3 is the client of row 5 already: give it an id of its own")


@pytest.mark.parametrize("name", ["clients.csv", "clients.csv.gz"])
def test_encodings_and_line_ends_are_those_of_a_file_read_whole(tmp_path, monkeypatch, name):
    monkeypatch.setattr("pyalloc.tables.files._CHUNK_BYTES", 7)  # cuts characters and line ends in two
    text = f"{HEADER}\r\nÇ1,Zoë 顧客,low,1\r\nÇ2,B,low,2"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        data = text.encode(encoding)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        assert [client.name for client in stream_clients(tmp_path / name)] == ["Zoë 顧客", "B"]


# --- what only the whole file could tell ----------------------------------------------------------------


@pytest.mark.usefixtures("blocks_of_two")
def test_the_first_rows_settle_the_decimal_mark_and_what_departs_later_is_refused(saved):
    head = ("client_id;name;risk;budget", "C1;A;low;1,5", "C2;B;low;1,25")
    first, second, third = stream_clients(saved(*head, "C3;C;low;2.5"))
    assert (first.profile.budget, second.profile.budget) == (1.5, 1.25)
    assert '"2.5" uses "." where "," marks decimals' in third.reason


@pytest.mark.usefixtures("blocks_of_two")
def test_a_fraction_that_may_be_thousands_waits_for_no_later_row(saved):
    path = saved(
        "client_id;name;risk;budget", "C1;A;low;100", "C2;B;low;1,200", "C3;C;low;3,5", "C4;D;low;1,200"
    )
    first, doubted, third, last = stream_clients(path)
    assert "may be a fraction or thousands and no number read so far tells which" in doubted.reason
    assert (first.profile.budget, third.profile.budget, last.profile.budget) == (100.0, 3.5, 1.2)


@pytest.mark.usefixtures("blocks_of_two")
def test_a_file_that_was_cut_off_says_so_after_its_good_rows(saved):
    path = saved(HEADER, *(f"C{i},A,low,1" for i in range(4)))
    path.write_text(path.read_text() + "C9,A")
    read = []
    with pytest.raises(TableError, match="ends in row 6 after 2 of 4 cells, without a line end"):
        read.extend(stream_clients(path))  # extend keeps what came before
    assert len(read) >= 4


def test_a_line_without_end_is_refused_before_it_fills_the_memory(saved, monkeypatch):
    monkeypatch.setattr(delimited, "MAX_LINE", 1000)
    monkeypatch.setattr("pyalloc.tables.files._CHUNK_BYTES", 4096)
    with pytest.raises(TableError, match="line 3 is longer than 1,000 characters"):
        list(stream_clients(saved(HEADER, "C1,A,low,1", "," * 100_000)))


# --- parquet --------------------------------------------------------------------------------------------


def columns(**given):
    """Return the columns of one client, some of them others."""
    plain = {"client_id": ["C1"], "name": ["A"], "risk": ["low"], "budget": [100.0]}
    return {name: given.get(name, cells) for name, cells in (plain | given).items()}


def of_parquet(tmp_path, **given):
    path = tmp_path / "clients.parquet"
    parquet.write_table(pa.table(columns(**given)), path)
    return list(stream_clients(path))


@pytest.mark.usefixtures("blocks_of_two")
def test_parquet_is_read_like_a_csv(tmp_path):
    n = 7
    clients = of_parquet(
        tmp_path,
        client_id=list(range(10**15, 10**15 + n)),
        name=["A"] * n,
        risk=pa.array(["low", "7", "high"] + ["low"] * 4).dictionary_encode(),
        budget=pa.array([Decimal("1000.10")] * n),
        as_of=[dt.date(2016, 12, 30), None] + [None] * 5,
        stocks_max=[0.4, float("nan")] + [None] * 5,
    )
    profile = InvestorProfile("low", 1000.1, bounds={"Stocks": (0.0, 0.4)})
    assert clients[0] == Client("1000000000000000", "A", profile, dt.date(2016, 12, 30))
    assert clients[1] == Client("1000000000000001", "A", InvestorProfile(7, 1000.1))
    assert len(clients) == n


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("budget", True, "the truth value TRUE is not a number"),
        ("budget", "100", "is text: format the cell as a number"),
        ("budget", b"100", "is not a number"),
        ("budget", [1.0], "is not a number"),
        ("risk", False, "the truth value FALSE is not text"),
        ("client_id", {"a": "x" * 99}, "… is not text"),
        ("as_of", dt.datetime(2016, 12, 30, tzinfo=dt.UTC), "has a time zone"),
        ("as_of", dt.datetime(2016, 12, 30, 9), "has a time of day"),
        ("as_of", 20161230, "is not a date"),
    ],
)
def test_a_value_of_another_kind_is_refused_and_never_converted(tmp_path, column, cell, says):
    (problem,) = of_parquet(tmp_path, **{column: [cell]})
    assert isinstance(problem, Problem)
    assert problem.column == column
    assert says in problem.reason


def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "clients.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(TableError, match=r"clients\.parquet is not a complete parquet file"):
        stream_clients(path)


# --- options --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("clients.csv", {"query": "select 1"}, "a query was given with clients.csv, which is no database"),
        ("sqlite:///x.db", {}, "a database was given without a query: add one that selects client_id"),
        ("sqlite:///x.db", {"query": " "}, "a database was given without a query"),
        (
            "sqlite:///x.db",
            {"query": "select 1", "sheet": "A"},
            'a database has no sheets: leave out the sheet "A"',
        ),
        ("clients.parquet", {"sheet": "A"}, "clients.parquet is a parquet file and has no sheets"),
        ("clients.csv", {"sheet": "A"}, "clients.csv is a csv file and has no sheets"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(source, options, says):
    with pytest.raises(InputError, match=says):
        stream_clients(source, **options)


# --- memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_list(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(reading, "BLOCK_ROWS", 250)
    monkeypatch.setattr(delimited, "_HEAD", 1 << 14)
    monkeypatch.setattr("pyalloc.tables.files._CHUNK_BYTES", 1 << 14)

    def peak(rows):
        path = tmp_path / f"clients.{kind}"
        if kind == "csv":
            with path.open("w") as file:
                file.write(f"{HEADER}\n")
                file.writelines(f"C{i},Client {i},low,{i}.5\n" for i in range(rows))
        else:
            ids = [f"C{i}" for i in range(rows)]
            parquet.write_table(
                pa.table(columns(client_id=ids, name=ids, risk=["low"] * rows, budget=[1.5] * rows)), path
            )
        tracemalloc.start()
        count = sum(isinstance(item, Client) for item in stream_clients(path))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == rows
        return highest

    peak(500)  # what is imported and cached on the way counts for none of the two
    assert peak(MANY) < peak(1_500) + (1 << 20)
