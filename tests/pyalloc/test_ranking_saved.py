"""A ridge that was saved is the ridge that was fitted, and a file that is not one is refused."""

from __future__ import annotations

import pickle
import shutil
import zipfile

import numpy as np
import pytest

from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.errors import InputError, MissingHistoryError, TableError
from pyalloc.marketdata.saved import SAVED_RANKER, read_ranker, write_ranker
from pyalloc.ranking.saved import ranker_arrays, ranker_from_arrays
from pyalloc.stocks import StockPolicy, StockRanker
from pyalloc.tables.arrays import read_arrays, write_arrays

RIDGE = StockPolicy(ranker="ridge")


@pytest.fixture(scope="module")
def folder(demo_market_path, tmp_path_factory):
    """Return a market folder with the ridge that was fitted to it."""
    copy = tmp_path_factory.mktemp("saved") / "market"
    shutil.copytree(demo_market_path, copy)
    market = MarketData.from_path(copy)
    write_ranker(copy / SAVED_RANKER, market.ranker(RIDGE, "ridge"), market.fingerprint)
    return copy


def test_a_saved_ridge_scores_as_the_fitted_one_does(folder, demo_market):
    fitted, saved = demo_market.ranker(RIDGE, "ridge"), read_ranker(folder / SAVED_RANKER).ranker
    assert saved == fitted
    assert len(saved.fits_) == len(fitted.fits_)
    features = demo_market.at().universe().features
    table = np.column_stack(list(features.values()))
    for ours, theirs in zip(saved.fits_, fitted.fits_, strict=True):
        assert (ours.month, ours.start, ours.known) == (theirs.month, theirs.start, theirs.known)
        np.testing.assert_array_equal(ours.ranker.predict(table), theirs.ranker.predict(table))
    for day in (demo_market.days[-1].item(), demo_market.days[-400].item()):
        assert saved.skill_in(day).verdict == fitted.skill_in(day).verdict
        assert saved.skill_in(day).interval == fitted.skill_in(day).interval


def test_a_market_with_a_saved_ridge_allocates_the_same_and_fits_nothing(folder, demo_market, monkeypatch):
    policy, profile = Policy(stocks=RIDGE), InvestorProfile(risk="high")
    days = (None, "2024-03-15")
    fitted = [allocate(demo_market.at(day), profile=profile, policy=policy) for day in days]
    monkeypatch.delattr(StockRanker, "fit")
    market = MarketData.from_path(folder)
    loaded = [allocate(market.at(day), profile=profile, policy=policy) for day in days]
    for ours, theirs in zip(loaded, fitted, strict=True):
        np.testing.assert_array_equal(ours.trace["stock_score"], theirs.trace["stock_score"])
        np.testing.assert_array_equal(ours.trace["skill_model"], theirs.trace["skill_model"])
        assert ours.notices == theirs.notices


@pytest.mark.parametrize("other", [StockPolicy(ranker="ridge", refit_months=6), RIDGE])
def test_a_ridge_of_other_settings_or_other_prices_is_fitted_anew(other, folder):
    market = MarketData.from_path(folder)
    if other == RIDGE:
        closes = market.closes.copy()
        closes[5, 0] *= 1.0001
        market = MarketData(
            market.days, closes, market.assets, market.macro, market.notice, market.saved_ranker
        )
    assert market.ranker(other, "ridge") is not market.saved_ranker.ranker
    assert hasattr(market.ranker(other, "ridge"), "panel_")


def test_the_same_ridge_makes_the_same_bytes(folder, tmp_path):
    market = MarketData.from_path(folder)
    write_ranker(tmp_path / "again.npz", market.saved_ranker.ranker, market.fingerprint)
    assert (tmp_path / "again.npz").read_bytes() == (folder / SAVED_RANKER).read_bytes()


def test_a_ridge_that_is_due_again_is_not_used(folder):
    ranker = read_ranker(folder / SAVED_RANKER).ranker
    last = ranker.days_[-1].item()
    with pytest.raises(MissingHistoryError, match=f"up to {last} and is due again from"):
        ranker.fit_in(last.replace(year=last.year + 2))


@pytest.mark.parametrize("model", ["momentum", "hist_gradient_boosting"])
def test_only_a_ridge_is_plain_arrays(model, demo_market):
    ranker = demo_market.ranker(StockPolicy(ranker=model), model)
    with pytest.raises(InputError, match="cannot be saved as plain arrays: only a ridge can"):
        ranker_arrays(ranker)


def changed(arrays, **others):
    return {**arrays, **others}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: {name: array for name, array in a.items() if name != "cost"},
        lambda a: changed(a, features=a["features"][::-1]),
        lambda a: changed(a, coefficients=a["coefficients"][:-1]),
        lambda a: changed(a, coefficients=a["coefficients"] * np.nan),
        lambda a: changed(a, coefficients=a["coefficients"].astype(complex)),
        lambda a: changed(a, fits=a["fits"][::-1]),
        lambda a: changed(a, fits=a["fits"] + 1_000),
        lambda a: changed(a, fits=a["fits"].astype(float)),
        lambda a: changed(a, ic=a["ic"][1:]),
        lambda a: changed(a, momentum_ic=a["momentum_ic"][None, :]),
        lambda a: changed(a, days=a["days"].astype(str)),
        lambda a: changed(a, window=np.array([1, 2])),
        lambda a: {},  # noqa: ARG005
    ],
)
def test_arrays_that_are_no_ridge_are_refused(spoil, folder):
    arrays = read_arrays(folder / SAVED_RANKER)
    with pytest.raises(InputError, match=r"are no saved ridge .* fit and save it again"):
        ranker_from_arrays(spoil(arrays))


class Runs:
    def __reduce__(self):
        return (print, ("a file ran code",))


def _pickled(path):
    np.savez(path, ranker=np.array([Runs()], dtype=object))


def _compressed(path):
    np.savez_compressed(path, ic=np.zeros(3))


def _claims_more(path):
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1)) | {"shape": (1 << 45,)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("ic.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize(
    "write",
    [
        _pickled,
        _compressed,
        _claims_more,
        lambda path: path.write_bytes(pickle.dumps(Runs())),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 and then nothing"),
    ],
)
def test_a_file_that_is_no_plain_arrays_is_refused_and_runs_nothing(write, tmp_path, capsys):
    path = tmp_path / "ranker.npz"
    write(path)
    with pytest.raises(TableError, match=r"ranker\.npz holds no plain arrays: delete it"):
        read_arrays(path)
    assert capsys.readouterr().out == ""


def test_a_market_whose_saved_ridge_is_spoiled_says_so(folder, tmp_path):
    market = tmp_path / "market"
    shutil.copytree(folder, market)
    write_arrays(market / SAVED_RANKER, {"ic": np.zeros(3)})
    with pytest.raises(TableError, match=r"ranker\.npz: the arrays are no saved ridge"):
        MarketData.from_path(market)
