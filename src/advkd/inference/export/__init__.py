"""Writes a trained network as a folder that others can use, with or without advkd."""
