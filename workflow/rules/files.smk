# Where everything lies: the names of files, and what may stand for each wildcard in them.
import re

from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import METRICS, RESULT
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.names import RUN as RUN_NAME

DATA = USER.data_root
RESULTS = f"results/{USER.scale}"
RUN = RunFolder.of("{run}", USER.scale).path
TABLE = f"{RESULTS}/tables/{{table}}.csv"
ARCHIVE = f"{DATA}/archives/{{dataset}}.json"
MADE = f"{DATA}/made/{{dataset}}-{{size}}.json"
STORE = f"{DATA}/stores/{{store}}/meta.json"
PREPARED = f"{DATA}/stores/{{prepared}}/meta.json"
DERIVED = f"{DATA}/stores/{{prepared}}-{{derived}}/meta.json"
WEIGHTS = f"{DATA}/weights/inception.pth"
REALS = f"{DATA}/features/{{store}}/{{features}}/meta.json"
FIGURE = f"figures/{USER.scale}/{{figure}}.pdf"
SHEET = f"figures/{USER.scale}/sheets/{{run}}.png"
PAGE = f"{RESULTS}/report.html"
PDF = "paper/report.pdf"


wildcard_constraints:
    run=re.sub(r"\(\?P<\w+>|\((?!\?)", "(?:", RUN_NAME.pattern),
    store="[a-z0-9_]+(-[0-9a-f]{8}){1,2}",
    prepared="[a-z0-9_]+-[0-9a-f]{8}",  # from images
    derived="[0-9a-f]{8}",  # of a prepared one
    dataset="[a-z0-9_]+",
    features="|".join(NETWORKS),
    table="[a-z]+_tableS?[0-9]+",
    figure="[a-z]+_figureS?[0-9]+",


def shipped(name):
    """Return the path of a file that came with the package, or of the one in this folder that takes its place."""
    return str(places.find(Path(name)))
