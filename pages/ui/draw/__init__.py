"""The first page: draw, upload, photograph."""
