"""Tests that users write for rules: log lines within a rule, and scenario files."""
