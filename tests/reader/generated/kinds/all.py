"""All kinds, in a fixed order: the seed chooses among them, so a new kind changes which log a seed gives."""

from importlib import import_module

from tests.reader.generated.kinds import KINDS

FILES = ["bars", "batches", "boxes", "epochs", "fits", "keras", "others", "ranks", "records", "reports", "rounds"]
FILES += ["samples", "steps", "tables"]
for file in FILES:  # each registers its kinds
    import_module(f"tests.reader.generated.kinds.{file}")

ALL = tuple(KINDS)
