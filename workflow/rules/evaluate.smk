# run -> metrics. The features of the real images are computed once for each store and feature network.


rule reals:
    input:
        store=STORE,
        weights=lambda wildcards: weights(wildcards.features),
    output:
        REALS,
    log:
        "logs/reals/{store}-{features}.log",
    threads: THREADS
    resources:
        gpu=int(DEVICE == "cuda"),
        mem_mb=lambda wildcards, attempt: (attempt + 1) * 3000,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        weights=weights_option,
    shell:
        'advkd reals "$(dirname {input.store:q})" --features {wildcards.features} {params.weights}'
        ' --out "$(dirname {output:q})" --log {log:q}'


rule evaluate:
    input:
        result=rules.train.output[0],
        reals=reals_of,
        weights=lambda wildcards: weights(config_of(wildcards.run).features),
    output:
        f"{RUN}/{METRICS}",
    log:
        f"{RUN}/evaluate.log",
    threads: THREADS
    resources:
        gpu=int(DEVICE == "cuda"),
        mem_mb=lambda wildcards, attempt: (attempt + 1) * 3000,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        weights=weights_option,
    shell:
        'advkd evaluate {wildcards.run} --reals "$(dirname {input.reals:q})" {params.weights}'
        " --out {output:q} --log {log:q}"
