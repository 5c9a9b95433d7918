# The shape of envd as of April 2026, from notes on its public source, and not run: it makes no Dockerfile but a graph for BuildKit.
# Left out: its base of ubuntu, its Python from conda, and its shell and ssh server.
FROM @BASE@ AS system
RUN groupadd -g 1000 envd && useradd -m -u 1000 -g 1000 envd

FROM system AS packages
RUN --mount=type=cache,target=/root/.cache/pip,sharing=shared --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    python -m pip install -r /tmp/requirements.txt

FROM packages
ENV @ENVIRONMENT@
WORKDIR /home/envd/app
COPY --chown=1000:1000 . .
USER envd
CMD ["python", "app.py"]
