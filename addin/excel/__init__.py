"""The spreadsheet functions in Excel: served by xlwings, called from VBA, packed without Excel."""
