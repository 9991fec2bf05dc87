# The review page's front end. Its bundle is committed, so that only who changes it needs npm (Node 18 or newer).

UI := plugins/tm_review/ui

.PHONY: ui ui-check bench-page

ui: $(UI)/node_modules ## Build the review page's bundle (plugins/tm_review/static)
	@cd $(UI) && npm run --silent build

ui-check: $(UI)/node_modules ## Test the review page's front end; the committed bundle is what its sources give
	@cd $(UI) && npm test --silent
	@$(MAKE) --no-print-directory ui
	@git diff --exit-code --stat -- plugins/tm_review/static || \
		{ echo "plugins/tm_review/static is not what its sources give. Run 'make ui' and commit it."; exit 1; }

$(UI)/node_modules: $(UI)/package.json $(UI)/package-lock.json
	@command -v npm > /dev/null || { echo "npm is missing: install Node.js 18 or newer (Debian: apt-get install npm)"; exit 1; }
	@cd $(UI) && npm ci --silent
	@touch $@

bench-page: $(INSTALLED) ## Measure the review page: 10,000 items queued, seconds to the first item, ms a verdict
	@$(BIN)/python benchmarks/page.py
