"""Workbooks about workbooks: what a batch made of a client list."""
