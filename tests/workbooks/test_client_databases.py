"""Client lists from real databases: PostgreSQL, started by the tests, and SQLite."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys

import pytest

from pyalloc.cli import main
from pyalloc.errors import TableError
from pyalloc.profile import InvestorProfile
from tests.workbooks.postgres import PASSWORD, USER, Postgres, ServerMissingError, running_postgres
from workbooks.clients import Client, read_clients, stream_clients

QUERY = "select client_id, name, risk, budget from clients order by client_id"


@pytest.fixture(scope="module")
def postgres(hosts_required):
    """Return a PostgreSQL server with a table of 12,000 clients."""
    try:
        with running_postgres() as server:
            server.run(
                "create table clients (client_id text primary key, name char(20), risk numeric(4, 2),"
                " budget numeric(15, 2), as_of date, exclude text)",
                "insert into clients select 'C' || to_char(i, 'FM00000'), 'Client ' || i, 1 + mod(i, 9),"
                " 1000.10 + i, '2016-12-30' from generate_series(1, 12000) i",
            )
            yield server
    except ServerMissingError as missing:
        if hosts_required:
            raise
        pytest.skip(str(missing))


@pytest.fixture
def sqlite_file(tmp_path):
    """Return the path of a SQLite file with three clients."""
    path = tmp_path / "bank.db"
    with sqlite3.connect(path) as database:
        database.execute("create table clients (client_id, name, risk, budget, as_of)")
        rows = [(1001, "Amber", 7.5, 1000.1, "2016-12-30"), ("C2", "Bramble", "low", 5, None)]
        database.executemany(
            "insert into clients values (?, ?, ?, ?, ?)", [*rows, ("C3", "Cinder", 99, "7", "")]
        )
    database.close()
    return path


def refusal(address, query=QUERY):
    """Return the sentence with which a list is refused, in which the password never stands."""
    with pytest.raises(TableError) as caught:
        read_clients(address, query=query)
    assert caught.value.__cause__ is None
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def reasons(address, selected):
    """Return the problems of the first client where other columns are selected."""
    plain = {"client_id": "client_id", "name": "name", "risk": "risk", "budget": "budget"} | selected
    columns = ", ".join(f"{value} as {name}" for name, value in plain.items())
    query = f"select {columns} from clients order by 1 limit 1"  # noqa: S608 (the test's own words)
    return read_clients(address, query=query).problems


# --- rows -----------------------------------------------------------------------------------------------


def test_postgresql_serves_a_client_list(postgres: Postgres):
    listed = read_clients(postgres.address(), query=QUERY.replace("budget", "budget, as_of, exclude"))
    assert listed.source == f"postgresql+psycopg://127.0.0.1:{postgres.port}/postgres"
    assert len(listed.clients) == 12_000
    assert listed.problems == ()
    assert listed.clients[0] == Client(
        "C00001", "Client 1", InvestorProfile(2, 1001.1), dt.date(2016, 12, 30)
    )


def test_postgresql_is_asked_for_one_block_after_another(postgres: Postgres):
    """A fault in the last row is met only once the rows before it were served."""
    rows = "select 'C' || i as client_id, 'A' as name, 5 as risk, 2 + 1 / (12000 - i) as budget"
    clients = iter(stream_clients(postgres.address(), query=f"{rows} from generate_series(1, 12000) i"))
    assert [next(clients).client_id for _ in range(5_000)][-1] == "C5000"
    with pytest.raises(TableError, match=r"refused the query \(division by zero\)"):
        list(clients)


def test_sqlite_serves_a_client_list_and_names_bad_rows_by_client(sqlite_file):
    listed = read_clients(f"sqlite:///{sqlite_file}", query=QUERY)
    assert listed.clients == (
        Client("1001", "Amber", InvestorProfile(7.5, 1000.1)),
        Client("C2", "Bramble", InvestorProfile("low", 5.0)),
    )
    assert [(problem.row_number, problem.key, problem.column) for problem in listed.problems] == [
        (3, "C3", "risk"),
        (3, "C3", "budget"),
    ]
    assert str(listed.problems[0]).endswith(" (C3)")


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("budget", "'nan'::float8", "is not a finite number"),
        ("budget", "'nan'::numeric", "is not a finite number"),
        ("budget", "null::numeric", "the cell is blank"),
        ("budget", "true", "the truth value TRUE is not a number"),
        ("budget", "'1000'::text", '"1000" is text: format the cell as a number'),
        ("budget", "array[1.0]", "is not a number"),
        ("risk", "true", "the truth value TRUE is not text"),
        ("client_id", "'\\x00'::bytea", "is not text"),
        ("as_of", "'2016-12-30 00:00+00'::timestamptz", "has a time zone"),
        ("as_of", "'2016-12-30 09:00'::timestamp", "has a time of day"),
        ("as_of", "20161230", "is not a date"),
        ("currency", "'US'", "three-letter ISO code"),
    ],
)
def test_a_value_of_another_type_is_refused_and_never_converted(postgres: Postgres, column, value, says):
    (problem,) = reasons(postgres.address(), {column: value})
    assert (problem.row_number, problem.column) == (1, column)
    assert says in problem.reason


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("client_id", value) for value in ("9223372036854775807", "gen_random_uuid()", "42.00::numeric")),
        *(("as_of", value) for value in ("'2016-12-30'::timestamp", "'2016-12-30'::text", "null::date")),
        *(("name", value) for value in ("'100 % :x %s'", "'Zoë 顧客'::varchar")),
        *(("risk", value) for value in ("7::int2", "7.5::float4", "'Low'::char(9)")),
    ],
)
def test_a_value_of_a_type_that_leaves_no_doubt_is_read(postgres: Postgres, column, value):
    assert reasons(postgres.address(), {column: value}) == ()


# --- refusals -------------------------------------------------------------------------------------------


def test_what_the_server_refuses_is_a_sentence_without_the_password(postgres: Postgres):
    place = f"postgresql+psycopg://127.0.0.1:{postgres.port}"
    assert f"{place}/postgres refused the user or password (" in refusal(postgres.address(USER, "wrong"))
    assert "PGPASSWORD or ~/.pgpass" in refusal(postgres.address(USER, ""))
    assert f"{place}/nowhere is not there (" in refusal(postgres.address(database="nowhere"))
    elsewhere = postgres.address().replace(f":{postgres.port}/", ":1/")
    assert "/postgres cannot be reached (" in refusal(elsewhere)
    assert "check host and port, and that the server runs" in refusal(elsewhere)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select nothing from clients", 'refused the query (column "nothing" does not exist)'),
        (
            "select client_id, name as nam, risk, budget from clients",
            'no column "name" (did you mean "nam"?)',
        ),
        ("select client_id from nowhere", 'refused the query (relation "nowhere" does not exist)'),
        (f"{QUERY}; drop table clients", "refused the query"),
        ("drop table clients", "refused the query"),
        ("delete from clients returning *", "refused the query"),
        ("with gone as (delete from clients returning *) select * from gone", "refused the query"),
        (QUERY.replace("order", "where budget < 0 order"), "the query finds no rows"),
        ("select 1 as client_id, 2 as client_id", "more than one column client_id"),
        (f"{QUERY[:-9]}pg_terminate_backend(pg_backend_pid())", "ended the connection"),
    ],
)
def test_a_query_that_does_not_serve_is_refused_and_changes_nothing(postgres: Postgres, query, says):
    assert says in refusal(postgres.address(), query)
    assert len(read_clients(postgres.address(), query=QUERY).clients) == 12_000


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select nobody from clients", "refused the query (no such column: nobody)"),
        ("select 1; delete from clients", "refused the query"),
        ("delete from clients returning *", "attempt to write a readonly database"),
        ("delete from clients", "attempt to write a readonly database"),
        ("pragma user_version = 7", "attempt to write a readonly database"),
        (QUERY.replace("order", "where budget < 0 order"), "the query finds no rows"),
    ],
)
def test_sqlite_is_only_read(sqlite_file, query, says):
    assert says in refusal(f"sqlite:///{sqlite_file}", query)
    assert len(read_clients(f"sqlite:///{sqlite_file}", query=QUERY).clients) == 2


def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path):
    assert "does not exist" in refusal(f"sqlite:///{tmp_path / 'nobody.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mysql+pymysql://clerk:{}@host/bank", "needs the Python package pymysql"),
        ("nosuch://clerk:{}@host/bank", "SQLAlchemy knows no database nosuch"),
        ("postgresql+psycopg://clerk:{}@host:port/bank", "the address of the database cannot be read"),
    ],
)
def test_an_address_of_no_use_is_refused_without_telling_its_password(address, says):
    with pytest.raises(TableError, match=says) as caught:
        read_clients(address.format("hunter2"), query=QUERY)
    assert "hunter2" not in str(caught.value)


def test_without_the_extra_a_database_is_refused_in_a_sentence():
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from pyalloc.cli import main\n"
        "sys.exit(main('generate --market m --out o --clients sqlite:///x.db --query q'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'pyalloc[sql]'" in done.stderr


# --- a run ----------------------------------------------------------------------------------------------


def test_a_run_from_postgresql_leaves_the_password_nowhere(
    postgres: Postgres, demo_market_path, tmp_path, capfd
):
    out = tmp_path / "out"
    query = (
        "select client_id, name, risk, budget - 1e9 * (client_id = 'C00002')::int as budget from clients"
        " order by client_id limit 3"
    )
    arguments = [
        "generate",
        "--market",
        str(demo_market_path),
        "--clients",
        postgres.address(),
        "--query",
        query,
    ]
    assert main([*arguments, "--out", str(out), "--jobs", "1"]) == 1
    assert main(["status", str(out), "--json"]) == 1
    said = capfd.readouterr()
    assert "(C00002)" in said.err
    assert f"127.0.0.1:{postgres.port}/postgres" in said.out
    left = [path for path in out.iterdir() if path.is_file()]
    assert {path.name for path in left} >= {"C00001.xlsx", "C00003.xlsx", "run.sqlite", "run.log"}
    written = b"".join(path.read_bytes() for path in left) + (said.out + said.err).encode()
    for secret in (PASSWORD, "s3cret", f"{USER}:", "%2F%26%40pass"):
        assert secret.encode() not in written
