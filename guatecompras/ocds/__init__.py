"""OCDS 1.1 as Guatecompras publishes it: mapping, releases, compiled records, profile, validation, packages."""
