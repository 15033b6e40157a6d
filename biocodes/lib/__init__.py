"""Readers, writers and scorers that commands and tasks share, without TensorFlow."""
