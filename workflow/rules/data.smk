# archive -> store. A user's folder or a drawn archive takes the place of a fetched archive. Some stores are made of
# others: of one class of them, or with the samples of trained generators.


rule fetch:
    output:
        ARCHIVE,
    log:
        "logs/fetch/{dataset}.log",
    params:
        accept=lambda wildcards: USER.accept.get(wildcards.dataset),
    shell:
        "advkd fetch {wildcards.dataset} --out {output:q} --log {log:q}"


rule fetch_inception:
    output:
        WEIGHTS,
    log:
        "logs/fetch/inception.log",
    shell:
        "advkd fetch-inception --out {output:q} --log {log:q}"


rule draw:
    output:
        MADE,
    log:
        "logs/draw/{dataset}-{size}.log",
    shell:
        "advkd draw {wildcards.dataset} --size {wildcards.size} --out {output:q} --log {log:q}"


rule prepare:
    input:
        store_source,
    output:
        PREPARED,
    log:
        "logs/prepare/{prepared}.log",
    resources:
        mem_mb=lambda wildcards, attempt: (attempt + 1) * 2000,
        runtime=lambda wildcards, attempt: attempt * 240,
    params:
        folder=store_folder,
        settings=lambda wildcards: json.dumps(STORES[wildcards.prepared].store_settings),
    shell:
        "advkd prepare {input:q}{params.folder:q} --settings {params.settings:q}"
        ' --out "$(dirname {output:q})" --log {log:q}'


rule derive:
    input:
        store=PREPARED,
        generators=generators,
    output:
        DERIVED,
    log:
        "logs/derive/{prepared}-{derived}.log",
    params:
        run=lambda wildcards: str(STORES[f"{wildcards.prepared}-{wildcards.derived}"].run),
    shell:
        'advkd derive {params.run} --out "$(dirname {output:q})" --log {log:q}'
