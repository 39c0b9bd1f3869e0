"""Measures computed from stored predictions and samples."""
