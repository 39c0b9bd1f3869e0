# store -> run, after the runs that it learns from. The only declared output is result.json. Snakemake deletes declared
# outputs around a failed try and empties declared logs; the checkpoint, history and log.txt must survive that, so they
# are not declared, and the declared log is last_try.log.
from advkd.runs import needs


rule train:
    input:
        store=lambda wildcards: unless_kept(wildcards.run, STORE.format(store=config_of(wildcards.run).store)),
        parents=parents,
    output:
        f"{RUN}/{RESULT}",
    log:
        f"{RUN}/last_try.log",
    threads: THREADS
    resources:
        gpu=int(DEVICE == "cuda"),
        mem_mb=lambda wildcards, attempt: needs.requested(config_of(wildcards.run), USER, attempt).mib,
        runtime=lambda wildcards, attempt: needs.requested(config_of(wildcards.run), USER, attempt).minutes,
    params:
        config=lambda wildcards: config_of(wildcards.run).hash,
    shell:
        "advkd train {wildcards.run} --log {log:q}"
