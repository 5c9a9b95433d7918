# The shape of what repo2docker 2026.4.0 wrote here for the same files. Left out: its base of 24.04 with compilers, its Python from conda, and Jupyter,
# which would make it larger and slower than what it is compared with; what is left is the order of its steps.
FROM @BASE@
ENV LC_ALL=C.UTF-8
ENV NB_USER=ann
ENV NB_UID=1000
ENV HOME=/home/ann
RUN groupadd --gid 1000 ann && useradd --create-home --gid 1000 --no-log-init --uid 1000 ann
EXPOSE 8888
ENV REPO_DIR=/home/ann
WORKDIR /home/ann
RUN chown ann:ann /home/ann
RUN python -m venv /srv/env && chown -R ann:ann /srv/env
ENV PATH=/srv/env/bin:$PATH
COPY --chown=1000:1000 requirements.txt /home/ann/requirements.txt
USER ann
RUN python -m pip install --no-cache-dir -r requirements.txt
COPY --chown=1000:1000 . /home/ann/
ENV @ENVIRONMENT@
LABEL repo2docker.ref=None
USER ann
CMD ["python", "app.py"]
