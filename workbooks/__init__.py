"""The template workbook and the batch that fills it, client by client."""
