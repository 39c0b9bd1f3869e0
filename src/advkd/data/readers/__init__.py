"""Readers of data sets: one for each official layout, and two for a user's own folder of images."""
