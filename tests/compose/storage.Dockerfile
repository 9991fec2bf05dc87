# A stand-in for the storage: moto's S3 server, which keeps its objects in memory.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
COPY constraints.txt /build/constraints.txt
RUN python3 -m venv /opt/moto && /opt/moto/bin/pip install --no-cache-dir -c /build/constraints.txt 'moto[server,s3]'
ENV PATH=/opt/moto/bin:$PATH
USER 65534:65534
