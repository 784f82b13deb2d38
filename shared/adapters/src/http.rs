//! The one HTTP client for vendors, and the one boundary where its errors lose their URL:
//! Telegram's token is part of it.

use std::sync::Arc;
use std::time::Duration;

/// How long a vendor may take before its answer counts as unknown.
pub const VENDOR_TIMEOUT: Duration = Duration::from_secs(4);

/// What became of a call to a vendor (DESIGN: three outcomes; done is the `Ok`).
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The vendor said no.
    #[error("refused with status {status}: {reason}")]
    Refused {
        /// The vendor's own code: HTTP status, or the one in its body.
        status: u16,
        /// The vendor's words, which name no customer.
        reason: String,
    },
    /// The vendor does not know the thing asked for.
    #[error("not found")]
    NotFound,
    /// No answer, or one that cannot be read: it may have been done.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// A transport failure without the URL it happened at.
impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        Self::Unknown(if error.is_timeout() {
            "timed out".to_owned()
        } else if error.is_connect() {
            "could not connect".to_owned()
        } else if error.is_decode() {
            "unreadable answer".to_owned()
        } else {
            "the connection broke".to_owned()
        })
    }
}

/// Counts a call that is about to leave. It first lets the connections notice what became of them
/// while the function was frozen: a request on one that was closed meanwhile would be lost.
pub(crate) async fn leaves(to: &'static str) {
    tracing::trace!(target: "round_trip", to);
    tokio::task::yield_now().await;
}

/// Makes the client: ring, the roots of webpki-roots, no redirects, [`VENDOR_TIMEOUT`] a call.
///
/// # Errors
/// When the TLS configuration cannot be made.
pub fn client() -> Result<reqwest::Client, ClientError> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| ClientError(error.to_string()))?
    .with_root_certificates(roots)
    .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(VENDOR_TIMEOUT)
        .build()
        .map_err(|error| ClientError(error.without_url().to_string()))
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client: {0}")]
pub struct ClientError(String);
