"""Many digits at once: read, judged in parts that survive a kill, findings sorted and exported."""
