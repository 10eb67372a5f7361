"""The command line: the same verdicts as the pages."""
