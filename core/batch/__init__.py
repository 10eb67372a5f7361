"""Many digits at once: read from anywhere, judged in a stream, reviewed and exported."""
