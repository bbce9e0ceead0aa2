# `make` lists the targets. Each sets itself up first; CONTRIBUTING.md says where that writes.

PYTHON = python3
ENVIRONMENT = .venv/complete
MINUTES = 1
INPUTS = 20000
ROOMS = consumer schemas producer_tools tests deploy
# Two inference threads beside another busy process are many times slower than one. Tests wait more
# than they compute: two processes run them, each with brokers of its own, and one that has no more
# takes over from the other.
PYTEST = OMP_NUM_THREADS=1 .venv/bin/python -m pytest --numprocesses=2 --dist=worksteal

.PHONY: help setup demo quality test test-parts chaos soak lint lock clean

help:
	@echo "make demo        diarize the sample meeting through a broker, end to end"
	@echo "                 (BOOTSTRAP=host:port uses a broker of yours)"
	@echo "make quality     how good the compact checkpoints are, beside what they must reach"
	@echo "                 (results and plots in build/quality)"
	@echo "make test        unit, property and integration tests"
	@echo "make test-parts  the tests that take longer or need more parts"
	@echo "make chaos       the service in a storm of kills and outages, on three real brokers"
	@echo "                 (MINUTES=n of storm for each group protocol; results in build/chaos)"
	@echo "make soak        damaged inputs through the service, each answered as it must be"
	@echo "                 (INPUTS=n of them; results in build/soak)"
	@echo "make bench       throughput beside a plain NeMo handler and quixstreams, on real Kafka"
	@echo "                 (PARTS='name ...' measures only these; results in build/bench)"
	@echo "make lint        ruff and mypy --strict"
	@echo "make setup       only create .venv (PYTHON=... chooses the Python)"
	@echo "make lock        renew requirements.lock from pyproject.toml"
	@echo "make clean       remove .venv, build and caches"

setup: $(ENVIRONMENT)

$(ENVIRONMENT): requirements.lock deploy/setup/environment.py deploy/setup/uv.txt
	@$(PYTHON) deploy/setup/environment.py

demo: $(ENVIRONMENT)
	@.venv/bin/speakerstream demo

quality: $(ENVIRONMENT)
	@OMP_NUM_THREADS=1 .venv/bin/python -m deploy.checkpoints evaluate --offline

test: $(ENVIRONMENT)
	$(PYTEST) -m "not parts"

test-parts: $(ENVIRONMENT)
	@.venv/bin/python deploy/setup/parts.py
	$(PYTEST) -m parts

chaos: $(ENVIRONMENT)
	OMP_NUM_THREADS=1 .venv/bin/python -m tests.chaos --minutes $(MINUTES)

soak: $(ENVIRONMENT)
	OMP_NUM_THREADS=1 .venv/bin/python -m tests.soak --inputs $(INPUTS)

bench: $(ENVIRONMENT)
	OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench $(PARTS)

lint: $(ENVIRONMENT)
	.venv/bin/ruff check $(ROOMS)
	.venv/bin/ruff format --check $(ROOMS)
	.venv/bin/mypy $(ROOMS)

lock: $(ENVIRONMENT)
	.venv/bin/python deploy/setup/lock.py

clean:
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
