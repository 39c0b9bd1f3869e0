from advkd import methods as methods
from advkd import metrics as metrics
from advkd.artifacts.cell_frame import cells as cells
from advkd.inference import load as load
from advkd.runs.run_frame import results as results

__version__: str
