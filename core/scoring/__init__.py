"""Scores of oddity: the memory bank, the evidences measured against it, and how several digits become one score."""
