# The shape of Cog 0.22, from notes on its public source: its program is no Python package, and was not run.
# Left out: tini and Cog's own package. uv comes from an image there, here from the index.
FROM @BASE@ AS uv
RUN pip install --no-cache-dir uv

FROM @BASE@
ENV DEBIAN_FRONTEND=noninteractive
ENV PYTHONUNBUFFERED=1
ENV @ENVIRONMENT@
COPY --from=uv /usr/local/bin/uv /usr/bin/uv
COPY requirements.txt /tmp/requirements.txt
ENV CFLAGS="-O3 -funroll-loops -fno-strict-aliasing -flto -S"
RUN --mount=type=cache,target=/root/.cache/pip uv pip install --system --no-cache -r /tmp/requirements.txt
ENV CFLAGS=
WORKDIR /src
EXPOSE 5000
CMD ["python", "app.py"]
COPY . /src
