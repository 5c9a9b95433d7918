# The shape of flytekit 1.16.31, read from its default builder. Left out: its Python from conda, and flytekit.
# uv comes from an image there, here from the index.
FROM @BASE@ AS uv
RUN pip install --no-cache-dir uv

FROM @BASE@
WORKDIR /
USER root
RUN id -u flytekit || useradd --create-home --shell /bin/bash flytekit
RUN chown -R flytekit /root && chown -R flytekit /home
ENV UV_PYTHON=/usr/local/bin/python \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    SSL_CERT_DIR=/etc/ssl/certs \
    @ENVIRONMENT@
RUN --mount=type=cache,sharing=locked,mode=0777,target=/root/.cache/uv,id=uv \
    --mount=from=uv,source=/usr/local/bin/uv,target=/usr/bin/uv \
    --mount=type=bind,target=requirements_uv.txt,src=requirements.txt \
    uv pip install --system --requirement requirements_uv.txt
ENV PATH="$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin"
COPY --chown=flytekit . /root
WORKDIR /root
USER flytekit
ENTRYPOINT ["python", "app.py"]
