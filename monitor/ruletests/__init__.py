"""A rule file's own tests: lines written in the rule, and scenario files."""
