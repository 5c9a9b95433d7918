# The shape of BentoML 1.4.40, read from its template base_v2. Left out: build-essential and git from apt, and BentoML.
FROM @BASE@ AS base-container
ENV LANG=C.UTF-8
ENV LC_ALL=C.UTF-8
ENV PYTHONIOENCODING=UTF-8
ENV PYTHONUNBUFFERED=1
RUN groupadd -g 1034 -o bentoml && useradd -m -u 1034 -g 1034 -o -r bentoml
ENV BENTO_PATH=/home/bentoml/bento
ENV @ENVIRONMENT@
RUN mkdir $BENTO_PATH && chown bentoml:bentoml $BENTO_PATH -R
WORKDIR $BENTO_PATH
RUN command -v uv >/dev/null || pip install uv
RUN uv venv --python 3.11 /app/.venv && chown -R bentoml:bentoml /app/.venv
ENV VIRTUAL_ENV=/app/.venv
ENV UV_COMPILE_BYTECODE=1
ENV UV_NO_PROGRESS=1
ENV PATH=/app/.venv/bin:${PATH}
COPY --chown=bentoml:bentoml ./requirements.txt ./env/python/requirements.txt
RUN --mount=type=cache,target=/root/.cache/ uv --directory ./env/python pip install -r $BENTO_PATH/env/python/requirements.txt
COPY --chown=bentoml:bentoml . ./
EXPOSE 3000
USER bentoml
ENTRYPOINT ["python", "app.py"]
