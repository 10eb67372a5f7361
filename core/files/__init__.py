"""Files that people hand over or take away: hostile until checked, written whole or not at all."""
