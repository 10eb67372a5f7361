"""What a page or command shows of detectors and readings, computed: tables, walks, comparisons, words."""
