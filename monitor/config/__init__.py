"""The watch file: what a person wants watched, expected and reported of a run; YAML in, frozen records out."""

from monitor.config.load import load_config, sample_text
from monitor.config.model import Config, ConfigError, unknown_rules

__all__ = ["Config", "ConfigError", "load_config", "sample_text", "unknown_rules"]
