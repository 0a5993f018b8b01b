"""What operators see of a service: JSON logs, and Prometheus metrics in a registry of its own."""

import contextlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pydantic_core
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from structlog.typing import EventDict, Processor


class Metrics:
    """The figures every service counts; a service adds its own by `counter` and `gauge`."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.records = self.counter("records", "Kafka records handled", "topic")
        self.dead_letters = self.counter("dead_letters", "Kafka records that can never work", "topic")
        self.lag = self.gauge("consumer_lag", "Records not yet handled", "topic", "partition")
        self.published = self.counter("outbox_published", "Outbox messages the broker acknowledged")
        self.waiting = self.gauge("outbox_waiting", "Outbox messages not yet published")
        self.parked = self.gauge("outbox_parked", "Outbox messages the broker will never take")
        self.failures = self.counter("loop_failures", "Background steps that failed", "loop")
        self.gauge("service", "The service that speaks", "name").labels(service).set(1)

    def counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, namespace="orderdock", registry=self.registry)

    def gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, namespace="orderdock", registry=self.registry)

    def text(self) -> bytes:
        """All figures in the Prometheus text format."""
        return generate_latest(self.registry)


class Output:
    """Standard output, a whole line in one write; where that fails, the work that is spoken of goes on."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer

    def write(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.write(line + b"\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


def configure_logging(service: str, level: str) -> None:
    """One JSON object a line on standard output, for our own lines and the libraries' alike.

    Our own go past the standard library's records, which cost five times the line: each order has one.
    """

    def add_service(_logger: object, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    shared: list[Processor] = [
        add_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        logger_factory=Output,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for noisy in ("aiokafka", "faststream", "shared.kafka", "uvicorn.access", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _json(line: EventDict, default: Callable[[Any], Any]) -> bytes:
    """The line as JSON, with its lone surrogates escaped if it has any."""
    try:
        return pydantic_core.to_json(line, fallback=default)
    except ValueError:
        return json.dumps(line, default=default).encode()
