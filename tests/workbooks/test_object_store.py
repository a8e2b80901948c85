"""A run into an object store: whole objects or none, one run at a time, and a resume that loses nothing."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from threading import Event, Thread

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import MarketData
from pyalloc.cli import main
from pyalloc.errors import InputError
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.profile import InvestorProfile
from tests.workbooks.dask_cluster import DaskCluster
from tests.workbooks.s3 import ACCESS_KEY, BUCKET, S3, SECRET_KEY, Proxy, running_s3
from workbooks import lease
from workbooks.batch import run_batch
from workbooks.clients import SUMMARY_FILE, Client, ClientList, read_clients
from workbooks.cluster import cluster_workers
from workbooks.destination import DestinationError, destination_of
from workbooks.folder import LOCK_FILE, LOG_FILE
from workbooks.ledger import LEDGER_FILE
from workbooks.processes import ONE_THREAD
from workbooks.status import INTERRUPTED, RUNNING, run_status
from workbooks.store import ObjectStore

CLIENTS = tuple(Client(f"C{i}", f"Client {i}", InvestorProfile(1 + i % 9, 1000.0 + i)) for i in range(4))
PYALLOC = [sys.executable, "-c", "import sys, pyalloc.cli; sys.exit(pyalloc.cli.main())"]
LISTED = ClientList(CLIENTS, source="clients.csv")
OF_THE_RUN = {LEDGER_FILE, LOG_FILE}


@pytest.fixture(scope="module")
def market_path(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=11)


@pytest.fixture(scope="module")
def market(market_path):
    return MarketData.from_path(market_path)


@pytest.fixture(scope="module")
def undisturbed(market, tmp_path_factory):
    """Return the workbooks and the summary of a run into a folder, by name."""
    out = tmp_path_factory.mktemp("undisturbed")
    run_batch(market, LISTED, out, jobs=1)
    return {path.name: path.read_bytes() for path in out.glob("*.xlsx")}


@pytest.fixture
def one_thread(monkeypatch):
    """Let this process say that BLAS has one thread, as it has under make and in every worker."""
    for name, value in ONE_THREAD.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def s3():
    """Return an S3 server, which clients find as they find a real one: by their environment."""
    with running_s3() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.fixture
def prefix(request):
    """Return a place of the test's own in the bucket."""
    return request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def proxy(s3, monkeypatch):
    """Return a proxy before the server, which clients take for it; they try three times."""
    between = Proxy(s3)
    between.start()
    monkeypatch.setattr(fsspec.get_filesystem_class("s3"), "retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{between.port}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield between
    between.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def at(prefix):
    return f"s3://{BUCKET}/{prefix}/"


def assert_all_is_well(s3: S3, prefix, undisturbed):
    """The store holds the bytes of an undisturbed run, and the ledger agrees; no lock is left."""
    found = s3.objects(prefix)
    assert {name: content for name, content in found.items() if name.endswith(".xlsx")} == undisturbed
    assert found.keys() == {*undisturbed, *OF_THE_RUN}
    status = run_status(at(prefix), verify=True)
    assert status.is_well
    assert (status.done, status.unrecorded, status.strangers) == (len(undisturbed) - 1, (), ())


# --- a run ----------------------------------------------------------------------------------------------


def test_a_store_holds_what_a_folder_would(s3, market, undisturbed, prefix):
    result = run_batch(market, LISTED, at(prefix), jobs=1)
    assert result.counts.done == len(CLIENTS)
    assert [item.path.name for item in result.results()] == [client.file_name for client in CLIENTS]
    assert_all_is_well(s3, prefix, undisturbed)
    assert "4 done, 0 failed" in s3.content(f"{prefix}/{LOG_FILE}").decode()


@pytest.mark.usefixtures("one_thread")
def test_the_workers_of_a_cluster_write_to_a_store(s3, market, undisturbed, prefix, tmp_path):
    with DaskCluster(tmp_path) as cluster:
        cluster.start()
        run_batch(market, LISTED, at(prefix), workers=cluster_workers(cluster.address))
    assert_all_is_well(s3, prefix, undisturbed)


def test_a_finished_run_is_kept_and_what_is_gone_or_changed_is_made_anew(s3, market, undisturbed, prefix):
    run_batch(market, LISTED, at(prefix), jobs=1)
    s3.client.delete_object(Bucket=BUCKET, Key=f"{prefix}/C1.xlsx")
    s3.client.put_object(Bucket=BUCKET, Key=f"{prefix}/C2.xlsx", Body=b"edited")
    status = run_status(at(prefix), verify=True)
    assert (status.missing, status.changed) == (("C1.xlsx",), ("C2.xlsx",))
    before = s3.client.head_object(Bucket=BUCKET, Key=f"{prefix}/C3.xlsx")["LastModified"]
    result = run_batch(market, LISTED, at(prefix), jobs=1, resume=True)
    assert result.resumed == "2 kept, 2 to make (1 file missing, 1 file changed)"
    assert s3.client.head_object(Bucket=BUCKET, Key=f"{prefix}/C3.xlsx")["LastModified"] == before
    assert_all_is_well(s3, prefix, undisturbed)
    assert s3.content(f"{prefix}/{LOG_FILE}").count(b"4 clients, 0 refused rows") == 2


def test_a_checksum_that_another_program_did_not_note_is_read_from_the_object(s3, market, prefix):
    run_batch(market, LISTED, at(prefix), jobs=1)
    copied = s3.content(f"{prefix}/C1.xlsx")
    s3.client.put_object(Bucket=BUCKET, Key=f"{prefix}/C1.xlsx", Body=copied)
    assert run_batch(market, LISTED, at(prefix), jobs=1, resume=True).resumed == "4 kept, 0 to make"


def test_a_driver_that_was_killed_is_resumed_once_its_lock_has_ended(
    s3, market, market_path, prefix, tmp_path
):
    listed = tmp_path / "clients.csv"
    rows = [f"K{i:02},Amber {i},{1 + i % 10},{1000 + i}" for i in range(60)]
    listed.write_text("\n".join(["client_id,name,risk,budget", *rows]) + "\n")
    undisturbed = run_batch(market, read_clients(listed), tmp_path / "out", jobs=1)
    command = [*PYALLOC, "generate", "--market", str(market_path), "--clients", str(listed), "--jobs", "1"]
    run = subprocess.Popen(
        [*command, "--out", at(prefix)], env={**os.environ, "TMPDIR": str(tmp_path)}
    )  # a kill leaves its temporary folder behind
    ledger, client = f"{prefix}/{LEDGER_FILE}", s3.client
    while run.poll() is None and not client.list_objects_v2(Bucket=BUCKET, Prefix=ledger)["KeyCount"]:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.returncode == -signal.SIGKILL
    made = {path.name: path.read_bytes() for path in undisturbed.out.out.glob("*.xlsx")}
    left = {name: data for name, data in s3.objects(prefix).items() if name.endswith("xlsx")}
    assert left.items() < made.items()
    assert run_status(at(prefix)).state == RUNNING  # as far as anybody can know
    told = rf"another run is writing to .*process {run.pid} on .* if it was killed, its run\.lock ends 180 s"
    with pytest.raises(InputError, match=told):
        run_batch(market, read_clients(listed), at(prefix), jobs=1, resume=True)
    s3.client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{LOCK_FILE}")
    found = run_status(at(prefix), verify=True)
    assert (found.state, found.missing, found.changed, found.strangers) == (INTERRUPTED, (), (), ())
    resumed = run_batch(market, read_clients(listed), at(prefix), jobs=1, resume=True).resumed
    assert resumed == "1 kept, 59 to make (59 pending before)"
    assert_all_is_well(s3, prefix, made)


# --- refusals -------------------------------------------------------------------------------------------


def test_credentials_that_are_wrong_end_the_run_before_anything_is_made(s3, market, prefix):
    with s3.credentials_expire(after=0), pytest.raises(DestinationError) as caught:
        run_batch(market, LISTED, at(prefix), jobs=1)
    assert f"s3://{BUCKET}/{prefix}/{LOCK_FILE} refused the credentials (" in str(caught.value)
    assert ACCESS_KEY not in str(caught.value)
    assert s3.objects(prefix) == {}


def test_credentials_that_expire_end_the_run_in_a_sentence_and_it_resumes(s3, market, undisturbed, prefix):
    with (
        s3.credentials_expire(after=9),
        pytest.raises(DestinationError, match=r"refused the credentials .* go on with --resume"),
    ):
        run_batch(market, LISTED, at(prefix), jobs=1)
    left = {name: data for name, data in s3.objects(prefix).items() if name.endswith("xlsx")}
    assert 0 < len(left) < len(undisturbed)
    assert left.items() <= undisturbed.items()
    s3.client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{LOCK_FILE}")
    run_batch(market, LISTED, at(prefix), jobs=1, resume=True)
    assert_all_is_well(s3, prefix, undisturbed)


def test_a_bucket_that_is_not_there_is_named_and_not_made(s3, market):
    with pytest.raises(
        DestinationError, match=r"s3://nowhere/run/run.lock cannot be written or read \(The spec"
    ):
        run_batch(market, LISTED, "s3://nowhere/run/", jobs=1)
    with pytest.raises(InputError, match="s3://nowhere/run"):
        run_status("s3://nowhere/run/")
    assert [found["Name"] for found in s3.client.list_buckets()["Buckets"]] == [BUCKET]


@pytest.mark.usefixtures("s3")
def test_a_place_without_a_run_has_no_status():
    with pytest.raises(InputError, match=rf"s3://{BUCKET}/nothing has no ledger run.sqlite: name where"):
        run_status(f"s3://{BUCKET}/nothing/")


# --- interrupted uploads --------------------------------------------------------------------------------


def test_an_upload_that_is_cut_is_tried_again(s3, proxy, market, undisturbed, prefix):
    proxy.cut, proxy.times = b"C1.xlsx HTTP", 2
    run_batch(market, LISTED, at(prefix), jobs=1)
    assert proxy.broken == 2
    assert_all_is_well(s3, prefix, undisturbed)


def test_an_upload_that_is_cut_for_good_shows_no_object_and_the_run_resumes(
    s3, proxy, market, undisturbed, prefix
):
    proxy.cut = b"C2.xlsx HTTP"
    with pytest.raises(
        DestinationError, match=r"C2.xlsx could not be reached, also when tried again .*--resume"
    ):
        run_batch(market, LISTED, at(prefix), jobs=1)
    assert proxy.broken > 1
    left = s3.objects(prefix)
    assert set(left) == {"C0.xlsx", "C1.xlsx", *OF_THE_RUN}
    assert all(left[name] == undisturbed[name] for name in ("C0.xlsx", "C1.xlsx"))
    assert run_status(at(prefix)).state == INTERRUPTED
    proxy.cut = b""
    assert (
        "2 kept, 2 to make (2 pending before)"
        in run_batch(market, LISTED, at(prefix), jobs=1, resume=True).resumed
    )
    assert_all_is_well(s3, prefix, undisturbed)


def test_a_ledger_of_many_parts_that_is_cut_leaves_the_earlier_one(s3, proxy, prefix, tmp_path):
    store, ledger = ObjectStore.at(at(prefix)), tmp_path / LEDGER_FILE
    ledger.write_bytes(b"the earlier one")
    store.upload(ledger)
    with ledger.open("wb") as file:
        file.truncate(101 << 20)  # above what is put at once
    proxy.cut = b"partNumber=2"
    with pytest.raises(DestinationError, match=r"run\.sqlite could not be reached, also when tried again"):
        store.upload(ledger)
    assert s3.objects(prefix) == {LEDGER_FILE: b"the earlier one"}
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=BUCKET)
    proxy.cut = b""
    store.upload(ledger)
    assert s3.client.head_object(Bucket=BUCKET, Key=f"{prefix}/{LEDGER_FILE}")["ContentLength"] == 101 << 20


# --- one run at a time ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("s3")
def test_two_runs_do_not_write_to_one_place(market, prefix):
    begun, go_on = Event(), Event()

    def hold(_):
        begun.set()
        go_on.wait(60)

    first = Thread(
        target=run_batch,
        args=(market, LISTED, at(prefix)),
        kwargs={"jobs": 1, "on_start": None, "on_progress": hold},
    )
    first.start()
    assert begun.wait(60)
    assert run_status(at(prefix)).state == RUNNING
    with pytest.raises(InputError, match=f"another run is writing to s3://{BUCKET}/{prefix}"):
        run_batch(market, LISTED, at(prefix), jobs=1)
    go_on.set()
    first.join()
    assert run_status(at(prefix)).is_well


@pytest.fixture
def place(request):
    """Return an address in memory, of the test's own."""
    yield f"memory://{request.node.name}"
    fsspec.filesystem("memory").store.clear()


def test_a_lock_that_is_not_renewed_ends(place, monkeypatch):
    store = destination_of(place)
    with lease.Lease.of(store):
        with pytest.raises(InputError, match="another run is writing"), lease.Lease.of(store):
            pass
        monkeypatch.setattr(lease, "LIFE", 0.0)
        with lease.Lease.of(store) as second:
            monkeypatch.setattr(lease, "LIFE", 60.0)
            second.check()
        assert store.get(LOCK_FILE) is None


def test_a_run_whose_lock_another_took_stops_and_leaves_its_ledger(place, market, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.02)
    store = destination_of(place)
    others = json.dumps({"owner": "another", "renewed": time.time()}).encode()

    def taken_over(_):
        store.put(LEDGER_FILE, b"of another run")
        store.put(LOCK_FILE, others)
        time.sleep(0.3)

    with pytest.raises(DestinationError, match=r"is written to by another run, which took over run\.lock"):
        run_batch(market, LISTED, store, jobs=1, on_progress=taken_over)
    assert store.get(LEDGER_FILE) == b"of another run"
    assert store.get(LOCK_FILE) == others


# --- objects --------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=50)), max_size=8))
@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_what_was_put_last_is_there_whole(tmp_path_factory, scheme, puts):
    store = destination_of(f"{scheme}://{tmp_path_factory.mktemp('objects')}/run")
    for name, content in puts:
        store.put(f"{name}.xlsx", content)
    last = dict(puts)
    assert {name: store.get(f"{name}.xlsx") for name in last} == last
    assert sorted(store.workbooks()) == sorted(f"{name}.xlsx" for name in last)
    for reread in (False, True):
        found = list(store.sha256s([f"{name}.xlsx" for name in "abcd"], reread=reread))
        assert [sha256 is not None for sha256 in found] == [name in last for name in "abcd"]


@pytest.mark.usefixtures("s3")
def test_a_store_of_many_objects_is_listed_page_by_page(prefix, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    store = destination_of(at(prefix))
    for i in range(5):
        store.put(f"C{i}.xlsx", b"")
    destination_of(at(f"{prefix}/below")).put("other.xlsx", b"")
    assert list(store.workbooks()) == [f"C{i}.xlsx" for i in range(5)]


def test_a_store_that_shows_files_while_they_are_written_gets_them_under_another_name_first(
    tmp_path, monkeypatch
):
    store = destination_of(f"file://{tmp_path}/run")
    store.put("a.xlsx", b"whole")
    files = fsspec.filesystem("file")

    def cut(path, content, **_):
        with open(path, "wb") as file:
            file.write(content[:2])
        raise OSError("the network is gone")

    monkeypatch.setattr(type(files), "pipe_file", staticmethod(cut))
    with pytest.raises(DestinationError, match="the network is gone"):
        store.put("a.xlsx", b"other")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == {"a.xlsx": b"whole"}


@pytest.mark.usefixtures("s3")
def test_a_destination_travels_to_other_processes_without_its_connections():
    store = destination_of(f"s3://{BUCKET}/travels/")
    store.put("a.xlsx", b"content")
    packed = pickle.dumps(store)
    assert len(packed) < 300
    assert pickle.loads(packed).get("a.xlsx") == b"content"  # noqa: S301 (packed two lines above)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3://", "names no place in a store"),
        ("nosuch://x/y", "Protocol not known: nosuch"),
        ("ftps://clerk:hunter2@host/x", "ftps://host/x cannot be written to"),
    ],
)
def test_an_address_that_is_no_store_is_refused(address, says):
    with pytest.raises(InputError) as caught:
        destination_of(address)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


# --- the command line -----------------------------------------------------------------------------------


def test_the_commands_take_an_address_and_leave_credentials_nowhere(s3, market_path, prefix, tmp_path, capfd):
    listed = tmp_path / "clients.csv"
    listed.write_text("client_id,name,risk,budget\nC1,Amber,low,1000\nC2,Bramble,11,5\n")
    command = ["generate", "--market", str(market_path), "--clients", str(listed), "--out", at(prefix)]
    assert main([*command, "--jobs", "1"]) == 1
    assert main(["status", at(prefix)]) == 1
    said = capfd.readouterr()
    assert f"workbooks     s3://{BUCKET}/{prefix}\n" in said.out
    assert f"summary       s3://{BUCKET}/{prefix}/{SUMMARY_FILE}\n" in said.out
    assert "done          1" in said.out
    written = b"".join(s3.objects(prefix).values()) + (said.out + said.err).encode()
    assert ACCESS_KEY.encode() not in written
    assert SECRET_KEY.encode() not in written


def test_without_the_extra_a_store_is_refused_in_a_sentence():
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from pyalloc.cli import main\n"
        "sys.exit(main('status s3://bank/run/'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'pyalloc[cloud]'" in done.stderr
