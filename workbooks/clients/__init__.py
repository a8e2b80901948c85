"""Client lists: files and databases read into validated clients, and every bad row named."""

from workbooks.clients.client import Client, ClientList, ClientSource, chosen
from workbooks.clients.filenames import MAX_FILE_NAME_BYTES, SUMMARY_FILE, safe_file_name
from workbooks.clients.lists import ClientStream, read_clients, stream_clients
from workbooks.clients.rows import DEFAULT_CURRENCY, OPTIONAL, REQUIRED, risk_from_text

__all__ = [
    "DEFAULT_CURRENCY",
    "MAX_FILE_NAME_BYTES",
    "OPTIONAL",
    "REQUIRED",
    "SUMMARY_FILE",
    "Client",
    "ClientList",
    "ClientSource",
    "ClientStream",
    "chosen",
    "read_clients",
    "risk_from_text",
    "safe_file_name",
    "stream_clients",
]
