"""Digits out of files that people bring: pictures, folders, archives, arrays and tables, one item at a time."""
