"""Small tools that every package may use: clock, errors, escaping, files. Needs no other package of the monitor."""
