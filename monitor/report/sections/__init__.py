"""The sections of the status page: one file each, with a pure function from a snapshot and its verdicts."""
