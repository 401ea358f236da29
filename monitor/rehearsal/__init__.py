"""Rules tried before they are trusted: on a broken copy of a healthy log, and on the runs of the past."""
