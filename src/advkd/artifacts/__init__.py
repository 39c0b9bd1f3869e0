"""Tables and figures: from runs' metrics to cells, captions, LaTeX and pictures."""
