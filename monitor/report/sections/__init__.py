"""The sections of the status page: one file each, a pure function from a snapshot and its verdicts."""
