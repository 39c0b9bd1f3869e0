# metrics -> tables and figures; stores -> sheets of their images.


rule table:
    input:
        published=lambda wildcards: shipped(f"paper/published/{wildcards.table}.csv"),
        runs=lambda wildcards: run_files(wildcards.table),
        stores=lambda wildcards: counted_stores(wildcards.table),
    output:
        csv=report(
            TABLE,
            category="Tables",
            labels={"table": "{table}", "scale": USER.scale},
            caption="../captions/table.rst",
        ),
        md=f"{RESULTS}/tables/{{table}}.md",
        tex=f"{RESULTS}/tables/{{table}}.tex",
    log:
        f"logs/tables/{{table}}-{USER.scale}.log",
    shell:
        'advkd table {wildcards.table} --out "$(dirname {output.csv:q})" --log {log:q}'


rule figure:
    input:
        published=lambda wildcards: shipped(f"paper/published/{wildcards.figure}.csv"),
        runs=lambda wildcards: run_files(wildcards.figure),
    output:
        pdf=FIGURE,
        png=report(
            f"figures/{USER.scale}/{{figure}}.png",
            category="Figures",
            labels={"figure": "{figure}", "scale": USER.scale},
            caption="../captions/figure.rst",
        ),
        svg=f"figures/{USER.scale}/{{figure}}.svg",
        shown=f"figures/{USER.scale}/{{figure}}.json",
    log:
        f"logs/figures/{{figure}}-{USER.scale}.log",
    shell:
        'advkd figure {wildcards.figure} --out "$(dirname {output.pdf:q})" --log {log:q}'


rule sheet:
    input:
        store_file,
    output:
        SHEET,
    log:
        f"logs/sheets/{USER.scale}/{{run}}.log",
    shell:
        "advkd sheet {wildcards.run} --out {output:q} --log {log:q}"
