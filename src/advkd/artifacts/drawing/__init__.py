"""Figures drawn from plain numbers; what is collected for them is the affair of `artifacts.figures`."""
