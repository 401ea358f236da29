"""All kinds, in a fixed order."""

from tests.reader.generated.kinds import (
    KINDS,
    bars,
    batches,
    boxes,
    epochs,
    fits,
    keras,
    records,
    reports,
    steps,
    tables,
)

FILES = [bars, batches, boxes, epochs, fits, keras, records, reports, steps, tables]  # each registers its kinds
ALL = tuple(KINDS)
