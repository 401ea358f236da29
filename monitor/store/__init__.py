"""What survives the end of the program: SQLite in, the state of a watch out, in whole transactions.

`monitor.store.store` and SQLite with it are imported by who opens a state folder; most watches do without one.
"""

from monitor.store.saved import Parcel, Saved, Told

__all__ = ["Parcel", "Saved", "Told"]
