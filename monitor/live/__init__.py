"""Following logs while they are written: opening, polling, committing, stopping."""
