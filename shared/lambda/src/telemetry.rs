//! What a function says of itself: one JSON object a request and no other line. Every event inside
//! the request is folded into that object, which CloudWatch reads both as the log's line and as
//! metrics
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//! Whoever logs calls `tracing` and knows nothing of this.

mod line;

use std::io::Write;
use std::panic::PanicHookInfo;

use lambda_http::{Request, RequestExt as _, request::RequestContext};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use line::Line;

/// The target of an event that says a call leaves; its field `to` says where to.
pub const ROUND_TRIP: &str = "round_trip";

/// The metrics' namespace where none is told.
pub const NAMESPACE: &str = "Pesan";

/// The target of the span that becomes a line.
const REQUEST: &str = "pesan_lambda::request";

/// The layer that writes the lines.
pub struct Telemetry {
    namespace: String,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Telemetry {
    /// Gives each line, which ends with a line feed, to `write`; its metrics are those of
    /// `namespace`.
    pub fn new(namespace: &str, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            namespace: namespace.to_owned(),
            write: Box::new(write),
        }
    }

    /// A subscriber that is this layer and nothing else.
    pub fn subscriber(self) -> impl Subscriber + Send + Sync {
        Registry::default().with(self)
    }
}

/// Sends the log of this process to what `open` opens.
pub fn init<W: Write>(namespace: &str, open: impl Fn() -> W + Send + Sync + 'static) {
    let telemetry = Telemetry::new(namespace, move |line| {
        // There is nowhere to tell that the log cannot be written.
        drop(open().write_all(line.as_bytes()));
    });
    // Whoever set another subscriber before keeps it.
    drop(tracing::subscriber::set_global_default(
        telemetry.subscriber(),
    ));
    std::panic::set_hook(Box::new(said));
}

/// Where a panic happened. Its message may quote a value, so it is not said.
fn said(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(
        kind = "panic",
        location = location.as_deref().unwrap_or_default()
    );
}

/// The span of one request or event.
pub(crate) fn span(function: &'static str, request_id: &str) -> Span {
    tracing::info_span!(
        target: REQUEST,
        "request",
        request_id,
        function,
        status = tracing::field::Empty,
    )
}

/// Lambda's own id, which its line in the log has; the function URL's where no runtime stands between.
#[must_use]
pub fn request_id(request: &Request) -> Option<&str> {
    if let Some(context) = request.lambda_context_ref() {
        return Some(&context.request_id);
    }
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.as_deref(),
        _ => None,
    }
}

fn is_heard(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        metadata.target() == REQUEST
    } else {
        *metadata.level() <= Level::INFO || metadata.target() == ROUND_TRIP
    }
}

impl<S> Layer<S> for Telemetry
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_heard(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_heard(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut line = Line::begin();
            attributes.record(&mut line.own());
            span.extensions_mut().insert(line);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(line) = span.extensions_mut().get_mut::<Line>()
        {
            values.record(&mut line.own());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let counts = event.metadata().target() == ROUND_TRIP;
        let Some(span) = context.event_span(event) else {
            if !counts {
                (self.write)(&line::outside(event));
            }
            return;
        };
        if let Some(line) = span.extensions_mut().get_mut::<Line>() {
            if counts {
                event.record(&mut line.calls());
            } else {
                line.fold(event);
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let line = context
            .span(&id)
            .and_then(|span| span.extensions_mut().remove::<Line>());
        if let Some(line) = line {
            (self.write)(&line.end(&self.namespace));
        }
    }
}
