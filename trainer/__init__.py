"""A multi-horizon stock-return trainer whose log can be trusted.

result = trainer.fit("run.yaml", epochs=3)
"""

from trainer.training.fit import fit

__all__ = ["fit"]
