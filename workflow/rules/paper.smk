# tables, figures, runs -> the report, as a page and as a PDF. Both show everything, so they come after everything that
# `all` makes. The page needs no TeX: it is made first, and is kept if the PDF cannot be made.


rule page:
    input:
        rules.all.input,
        claims=shipped("paper/claims.yaml"),
        papers=shipped("paper/papers.yaml"),
        printed=shipped("paper/published/text.csv"),
    output:
        report(PAGE, category="Report", labels={"as": "page", "scale": USER.scale}, caption="../captions/report.rst"),
    log:
        f"logs/report/{USER.scale}-page.log",
    priority: 1
    shell:
        "advkd report --html {output:q} --log {log:q}"


rule pdf:
    input:
        rules.page.input,
        document=shipped("paper/report.tex"),
    output:
        report(PDF, category="Report", labels={"as": "PDF", "scale": USER.scale}, caption="../captions/report.rst"),
    log:
        f"logs/report/{USER.scale}-pdf.log",
    params:
        scale=USER.scale,
    shell:
        "advkd report --pdf {output:q} --log {log:q}"
