"""The spreadsheet functions: declared once, served to every host."""
