"""What survives the end of the program: the state of a watch, its recorded facts, and baselines.

Most watches have no state folder, so only the code that opens one imports `monitor.store.store`, and SQLite with it.
"""

from monitor.store.saved import Saved

__all__ = ["Saved"]
