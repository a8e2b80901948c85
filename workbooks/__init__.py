"""The template workbook and the batch that fills it, client by client."""

import os

# Where lxml happens to be installed, openpyxl would write the same workbook in other words, and other bytes.
os.environ.setdefault("OPENPYXL_LXML", "False")
