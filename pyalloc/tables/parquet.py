"""A parquet file as a table: what it says it holds is bounded before any of it is unpacked."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from pyalloc.errors import TableError
from pyalloc.tables.delimited import MAX_CSV_BYTES, MAX_CSV_CELLS
from pyalloc.tables.files import opened, read_bytes
from pyalloc.tables.table import Table, blocks, tabulate

if TYPE_CHECKING:
    import pandas as pd

PARQUET_SUFFIX: Final = ".parquet"

_BUFFER_BYTES = 1 << 20


def read_parquet(path: Path) -> Table:
    """Return a parquet file as a table of raw cells; a column of dates comes first, others as they stand."""
    columns = _columns(path)
    return tabulate(path.name, enumerate([list(columns), *_rows(columns.values())], start=1))


def stream_parquet(path: Path, size: int) -> Iterator[Table]:
    """Yield the table of a parquet file of any length, `size` rows at a time."""

    def rows(file: IO[bytes]) -> Iterator[Sequence[object]]:
        with _damage_refused(path.name):
            parquet = _parquet(file)
            about = parquet.metadata
            if any(about.row_group(i).total_byte_size > MAX_CSV_BYTES for i in range(about.num_row_groups)):
                raise TableError(
                    f"{path.name} has a row group of more than {MAX_CSV_BYTES >> 20:,} MiB: write "
                    "smaller ones"
                )
            yield _names(path.name, parquet.schema_arrow)
            for batch in parquet.iter_batches(size):
                yield from _rows(batch.columns)

    with opened(path) as file:
        yield from blocks(path.name, enumerate(rows(file), start=1), size=size)


def read_plain_prices(path: Path) -> pd.DataFrame | None:
    """Return dates by assets where the file has one column of dates and numbers otherwise, else None."""
    import pandas as pd

    columns = _columns(path)
    (_, dates), *assets = columns.items()
    numeric = all(_is_number(column.type) for _, column in assets)
    if not assets or not numeric or not _is_temporal(dates.type) or dates.null_count or not len(dates):
        return None
    days = pd.DatetimeIndex(dates.to_pandas().to_numpy(), name="date")
    if not (days == days.normalize()).all() or "" in columns:
        return None
    values = {name: column.to_pandas().to_numpy(dtype=float) for name, column in assets}
    return pd.DataFrame(values, index=days.astype("datetime64[us]"))


def _columns(path: Path) -> dict[str, Any]:
    """Return the columns of a file by name, the first of dates at the front: pandas writes its index last."""
    with _damage_refused(path.name):
        file = _parquet(io.BytesIO(read_bytes(path, MAX_CSV_BYTES)))
        about = file.metadata
        if about.num_rows * about.num_columns > MAX_CSV_CELLS:
            raise TableError(f"{path.name} has more than {MAX_CSV_CELLS:,} cells: split it")
        unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if unpacked > MAX_CSV_BYTES:
            raise TableError(f"{path.name} unpacks to more than {MAX_CSV_BYTES >> 20:,} MiB: split it")
        table = file.read()
    names = _names(path.name, table.schema)
    dated = [name for name in names if _is_temporal(table.schema.field(name).type)]
    order = [*dated[:1], *(name for name in names if name not in dated[:1])]
    called = {name: "date" if name.startswith("__index_level_") else name for name in order}
    return {called[name]: table.column(name) for name in order}


@contextmanager
def _damage_refused(source: str) -> Iterator[None]:
    try:
        import pyarrow as pa
    except ImportError:
        raise TableError(
            f"{source} needs pyarrow to be read: install it with pip install 'pyalloc[data]', "
            "or save the table as csv"
        ) from None
    try:
        yield
    except (pa.ArrowException, OSError, ValueError):
        raise TableError(f"{source} is not a complete parquet file: copy or write it again") from None


def _parquet(file: IO[bytes]) -> Any:
    """Open a parquet file, of which a page at a time will be unpacked."""
    from pyarrow import parquet

    return parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)


def _names(source: str, schema: Any) -> list[str]:
    names: list[str] = schema.names
    if len(set(names)) < len(names):
        raise TableError(f"{source} has two columns of one name: keep one of each")
    if not names:
        raise TableError(f"{source} is empty: give it named columns")
    return names


def _rows(columns: Iterable[Any]) -> Iterator[Sequence[object]]:
    """Yield the cells of each row; what is null or NaN is blank."""
    for row in zip(*(column.to_pylist() for column in columns), strict=True):
        yield ["" if cell is None or cell != cell else cell for cell in row]


def _is_temporal(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
