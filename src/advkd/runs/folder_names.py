"""The names of the files in a run's folder. No other module knows them.

config.yaml                what the training reads
history.csv                loss terms, a row an epoch or about every hundredth iteration
model.safetensors          weights of the last epoch, or of all networks of a GAN
best.safetensors           a classifier's weights of its best epoch
generator.safetensors      weights of the generator beside a classifier
samples.npz                images of generators
predictions.npz            labels, logits and features of a classifier's evaluation images
answers.npz                in its place where a run was kept: a classifier's answer to each of these images
provenance.json            code, machine, data and time
result.json                written last: how the training ended, and the checksums of its products and records
metrics.json               what was computed from samples or predictions
log.txt                    printed lines of all attempts
checkpoint.pt, checkpoint.previous.pt, scratch/, .lock    of an unfinished training
"""

from advkd.settings.starts import WEIGHTS

# The schema of the folder, in result.json and provenance.json. A folder of version 0.1.0 records none, and its records
# and metrics have no checksums.
SCHEMA = 2
CONFIG = "config.yaml"
HISTORY = "history.csv"
MODEL = WEIGHTS
BEST = "best.safetensors"
GENERATOR = "generator.safetensors"
SAMPLES = "samples.npz"
PREDICTIONS = "predictions.npz"
ANSWERS = "answers.npz"
PROVENANCE = "provenance.json"
RESULT = "result.json"
METRICS = "metrics.json"
LOG = "log.txt"
LOCK = ".lock"
SCRATCH = "scratch"
CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")
PRODUCTS = (MODEL, BEST, GENERATOR, SAMPLES, PREDICTIONS)  # checksums: "sha256" in result.json
RECORDS = (CONFIG, HISTORY)  # checksums: "records" in result.json
MOMENTS = ("epoch", "iteration")  # the column that counts the rows of history.csv
