"""Our own log lines, defined once for the writer and the reader. Needs the standard library only."""
