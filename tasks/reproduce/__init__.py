"""Suites of runs: what the article claims, measured over seeds. Knows tasks by their name only."""
