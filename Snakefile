# The targets. What they need follows from paper/published/*.csv and config/ (src/advkd/settings/catalog.py).
# On the command line targets come before settings: snakemake --cores all okd_table1 --config scale=reduced
import os

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.20")
if not os.path.isfile("config/config.yaml"):  # Snakemake would wait for a pipe
    raise WorkflowError("config/config.yaml is no file here: start from the top folder of the checkout or project")


configfile: "config/config.yaml"


# `snakemake --lint` asks for a container; it is only used with --sdm apptainer.
container: "docker://python:3.11"


include: "workflow/rules/settings.smk"
include: "workflow/rules/lock.smk"
include: "workflow/rules/files.smk"
include: "workflow/rules/commands.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/terminal.smk"
include: "workflow/rules/jobs.smk"
include: "workflow/rules/graph.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


localrules:
    derive,
    table1,
    tables,
    figures,
    all,
    paper,
    main,
    pretrain,
    okd_variants,
    aikd_variants,
    gip_variants,
    runs,
    evidence,
    fetch,
    fetch_inception,
    draw,
    usefulness,
    sheet,
    table,
    figure,
    page,
    pdf,


rule table1:
    default_target: True
    input:
        [TABLE.format(table=name) for name in TARGETS["table1"]],


rule tables:
    input:
        [TABLE.format(table=name) for name in TARGETS["tables"]],


rule figures:
    input:
        [FIGURE.format(figure=name) for name in TARGETS["figures"]],


# The headline table of each paper.
rule main:
    input:
        [TABLE.format(table=name) for name in TARGETS["main"]],


# All runs that other runs start from or learn from: superiors, teachers, GANs, first steps.
rule pretrain:
    input:
        [run_file(run) for run in catalog.parents(USER).values()],


rule okd_variants:
    input:
        [run_file(run) for run in catalog.variants(USER, ["okd"]).values()],


rule aikd_variants:
    input:
        [run_file(run) for run in catalog.variants(USER, ["aikd"]).values()],


rule gip_variants:
    input:
        [run_file(run) for run in catalog.variants(USER, ["gip"]).values()],


rule runs:
    input:
        lambda wildcards: [run_file(config_of(name)) for name in USER.runs],


# The runs of the tests that were fixed beforehand (paper/evidence.yaml), and what the tests say.
rule evidence:
    input:
        shipped("paper/evidence.yaml"),
        [run_file(run) for run in WAVES["evidence"].values()],
    output:
        f"{RESULTS}/evidence.md",
    log:
        f"logs/evidence-{USER.scale}.log",
    shell:
        "advkd evidence --out {output:q} --log {log:q}"


# What generated images are worth to a classifier of defects: the tests that were fixed beforehand
# (paper/usefulness.yaml), the table, the learning curves, and what the classifiers of each data set were fed.
rule usefulness:
    input:
        TABLE.format(table="okd_tableS2"),
        FIGURE.format(figure="okd_figureS1"),
        [SHEET.format(run=resolved.run) for resolved in catalog.one_of_each_store("okd_tableS2", USER)],
        plan=shipped("paper/usefulness.yaml"),
    output:
        f"{RESULTS}/usefulness.md",
    log:
        f"logs/usefulness-{USER.scale}.log",
    shell:
        "advkd evidence --plan {input.plan:q} --out {output:q} --log {log:q}"


rule all:
    input:
        rules.tables.input,
        rules.figures.input,
        rules.okd_variants.input,
        rules.aikd_variants.input,
        rules.gip_variants.input,
        [run_file(run) for run in catalog.users_runs(USER).values()],


include: "workflow/rules/paper.smk"


# Everything, and the report on it.
rule paper:
    input:
        rules.page.output,
        rules.pdf.output,


# What is trained after the first wave.
for name in list(WAVES)[1:]:

    rule:
        name:
            name
        input:
            [run_file(run) for run in WAVES[name].values()],


# One target for each table and each figure, by its name.
for name in TARGETS["tables"]:

    rule:
        name:
            name
        input:
            TABLE.format(table=name),


for name in TARGETS["figures"]:

    rule:
        name:
            name
        input:
            FIGURE.format(figure=name),
