# The shape of Truss 0.18.36, read from its templates. Left out: its server and what that needs, and apt's tools.
# uv comes from a script of the network there, here from the index. Variables are given to the container, not built in;
# its configuration, with the variables in it, is the last file copied.
FROM @BASE@
ENV PYTHONUNBUFFERED=True
USER root
RUN useradd -u 60000 -ms /bin/bash app
RUN grep -w 'ID=debian\|ID_LIKE=debian' /etc/os-release
RUN python3 -c "import sys; sys.exit(sys.version_info < (3, 9))"
RUN pip install --no-cache-dir uv
ENV APP_HOME=/app
COPY --chown=root:root ./requirements.txt requirements.txt
RUN UV_HTTP_TIMEOUT=300 uv pip install --system --break-system-packages --index-strategy unsafe-best-match --python "$(which python3)" -r requirements.txt --no-cache-dir
WORKDIR /app
COPY --chown=root:root . /app/model
COPY --chown=root:root ./config.yaml /app/config.yaml
ENTRYPOINT ["python3", "/app/model/app.py"]
