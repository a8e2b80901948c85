"""The client workbook: one module per sheet, the facts that fill it, and the openpyxl writer."""
