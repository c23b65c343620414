"""Whether spans leave the process, by OpenTelemetry's own variables. The SDK is loaded only if they do: it is large."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from coffer_chassis import tracing

log = structlog.get_logger(__name__)

_ALWAYS_THERE = "Also `parentbased_always_off`, `parentbased_traceidratio`, and the same without `parentbased_`."


class TraceSettings(BaseSettings):
    """OpenTelemetry's own variables: without an endpoint nothing is exported, and nothing of OpenTelemetry is loaded.

    The SDK takes its other variables (timeouts in seconds, certificates, compression) as they are.
    """

    model_config = SettingsConfigDict(env_prefix="OTEL_", frozen=True, extra="ignore", env_ignore_empty=True)

    exporter_otlp_endpoint: str | None = Field(
        None,
        description="Base address of an OTLP/HTTP receiver, such as `http://collector:4318`; spans go to `/v1/traces` below.",
    )
    exporter_otlp_traces_endpoint: str | None = Field(None, description="The whole address for spans, if it is another one.")
    exporter_otlp_headers: SecretStr | None = Field(
        None,
        description="Sent along, such as `authorization=Bearer%20...`; `OTEL_EXPORTER_OTLP_TRACES_HEADERS` is for spans alone.",
    )
    exporter_otlp_protocol: str = Field("http/protobuf", description="No other one is spoken.")
    exporter_otlp_traces_protocol: str | None = Field(None, description="The same, for spans alone.")
    sdk_disabled: str = Field("false", description="`true` turns exporting off, whatever the others say.")
    traces_exporter: str = Field("otlp", description="`none` turns exporting off.")
    service_name: str | None = Field(None, description="`service.name` of every span. Default: `coffer-<service>`.")
    resource_attributes: str | None = Field(
        None, description="More about this installation, such as `deployment.environment=home`."
    )
    traces_sampler: str = Field("parentbased_always_on", description=f"Which traces are kept. {_ALWAYS_THERE}")
    traces_sampler_arg: str | None = Field(None, description="The share that a ratio sampler keeps, 0 to 1.")
    bsp_schedule_delay: int = Field(5000, description="Milliseconds between two exports.", gt=0, le=600_000)
    bsp_max_queue_size: int = Field(2048, description="Spans that wait at most; further ones are dropped and counted.", gt=0)
    bsp_max_export_batch_size: int = Field(512, description="Spans in one request.", gt=0)

    @property
    def is_on(self) -> bool:
        """Whether spans are to be exported."""
        wanted = self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint
        return bool(wanted) and self.sdk_disabled.strip().lower() != "true" and self.traces_exporter.strip() != "none"

    @property
    def protocol(self) -> str:
        """How the receiver is spoken to."""
        return self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol


@contextmanager
def exporting(service: str) -> Iterator[None]:
    """Export the spans of this process, if so configured; what waits at the end is sent within FLUSH_SECONDS or dropped.

    `service` is who spans belong to that say nothing else. What is wrong with the variables is logged and keeps nothing
    from running: Coffer works without traces.
    """
    tracing.serve_as(service)
    settings = _settings()
    if settings is None:
        yield
        return
    from coffer_chassis.trace_outlet import OtlpOutlet  # noqa: PLC0415  # brings the SDK

    outlet = OtlpOutlet(settings)
    tracing.export_to(outlet)
    try:
        yield
    finally:
        tracing.export_to(None)
        outlet.close()


def _settings() -> TraceSettings | None:
    """The settings if spans are to be exported and can be."""
    try:
        settings = TraceSettings()
    except ValidationError as error:
        faults = "; ".join(f"OTEL_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        log.error("traces_not_exported", reason=faults)  # noqa: TRY400  # the variables are at fault, not the code
        return None
    if not settings.is_on:
        return None
    if settings.protocol != "http/protobuf":
        log.error("traces_not_exported", reason="OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken")
        return None
    return settings
