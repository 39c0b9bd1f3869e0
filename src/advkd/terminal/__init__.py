"""What a person sees of a workflow: what is made and why, how far it is, and at the end the tables, or the errors.

`handler.LogHandler` is the logger plugin of Snakemake. It turns Snakemake's records into changes of a `board.Board`,
which knows the running jobs, and tells a `display`: bars on a terminal, a line now and then elsewhere. The jobs report
through `advkd.channel`. The Snakefile announces what will be made (`plan.Plan`). `ending` prints how it went.
Everything else, also what the jobs print, goes to Snakemake's log file, which the first lines name.
"""
