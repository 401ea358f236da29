"""What survives the end of the program: SQLite in, the state of a watch out, in whole transactions.

`monitor.store.store` and SQLite with it are imported by who opens a state folder; most watches do without one.
"""

from monitor.alert import Parcel, Told
from monitor.store.saved import Saved

__all__ = ["Parcel", "Saved", "Told"]
