"""The spreadsheet functions in LibreOffice Calc: the extension, its worker, and how it is installed."""
