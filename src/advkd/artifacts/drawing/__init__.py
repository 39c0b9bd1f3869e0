"""Drawing figures from plain numbers; `artifacts.figures` and its neighbours collect these numbers."""
