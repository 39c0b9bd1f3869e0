# The environment of requirements.lock, with TeX for the report's PDF. Untried: it was linted, and not built.
#
#   docker build -t advkd .
#   docker run --rm -v "$PWD/project:/project" advkd init
#   docker run --rm -v "$PWD/project:/project" advkd run table1
FROM python:3.11-slim-bookworm

# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends git latexmk lmodern make texlive-latex-recommended \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /advkd
COPY . .
RUN make env

ENV PATH=/advkd/.venv/bin:$PATH
WORKDIR /project
ENTRYPOINT ["advkd"]
CMD ["--help"]
