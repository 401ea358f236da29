"""The watch file: what a person wants watched, expected and reported; YAML in, frozen records out."""

from monitor.config.load import load_config, sample_text
from monitor.config.model import Config, ConfigError

__all__ = ["Config", "ConfigError", "load_config", "sample_text"]
