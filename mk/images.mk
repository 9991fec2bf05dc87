# The images. BASE and PIP_INDEX_URL pass on where a registry or an index of one's own is used, POSTGRES_CLIENT which
# package of BASE's brings pg_dump (docs/deployment.md).
REGISTRY ?= tm-refinery
VERSION ?= 0.1.0
DOCKER_BUILD = docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse --short HEAD) \
  $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(PIP_INDEX_URL),--build-arg PIP_INDEX_URL=$(PIP_INDEX_URL)) $(DOCKER_OPTIONS)

.PHONY: images image-airflow image-aligner-cpu image-aligner-gpu image-backup image-postgres requirements

images: image-airflow image-aligner-cpu image-backup ## The images airflow, aligner (cpu) and backup; image-aligner-gpu needs 6 GB

image-airflow image-backup: image-%:
	$(DOCKER_BUILD) $(if $(POSTGRES_CLIENT),--build-arg POSTGRES_CLIENT=$(POSTGRES_CLIENT)) -f containers/$*/Dockerfile -t $(REGISTRY)/$*:$(VERSION) .

image-aligner-cpu image-aligner-gpu: image-aligner-%:
	$(DOCKER_BUILD) -f containers/aligner/Dockerfile --build-arg FLAVOUR=$* -t $(REGISTRY)/aligner:$(VERSION)-$* .

image-postgres: ## The memory's Postgres with pgBackRest (deploy/pitr)
	$(DOCKER_BUILD) -f deploy/pitr/Dockerfile -t $(REGISTRY)/postgres:$(VERSION) .

requirements: $(INSTALLED) ## Requirements with hashes of make install and the images, from constraints.txt (asks the package index)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python containers/requirements.py
