"""Events → what is known about a run: attempts, facts, series, progress and the summary."""
