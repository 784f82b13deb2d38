//! How AWS is reached: credentials and region straight from the function's environment (no
//! aws-config, which brings a second HTTP stack), through the vendors' HTTP client, in attempts
//! short enough that a slow DynamoDB node costs one retry and not the webhook.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ReconnectMode;

use crate::http::leaves;

/// Where AWS is and who asks.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The region's name.
    pub region: String,
    /// From Lambda's environment.
    pub credentials: Credentials,
    /// What it is called through.
    pub http: reqwest::Client,
    /// Another place that speaks DynamoDB's wire.
    pub dynamodb_endpoint: Option<String>,
    /// Another place that speaks the Parameter Store's wire.
    pub ssm_endpoint: Option<String>,
    /// Another place that speaks EventBridge's wire.
    pub eventbridge_endpoint: Option<String>,
}

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 3;
/// Doubled each time, less a random part. The SDK's own second is for services slower than these.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// What AWS refuses however often it is asked: somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The signature or its time was not accepted: the clock is wrong, or the key is.
    #[error("the signature or its time was not accepted")]
    ClockSkew,
    /// The role or its credentials were not accepted.
    #[error("the role or its credentials were not accepted")]
    NotAllowed,
}

impl Refusal {
    /// Reads an error's code
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html>) and
    /// raises the alarm where it is such a refusal.
    pub(crate) fn of(service: &'static str, code: &str) -> Option<Self> {
        let (refusal, alarm) = match code {
            "InvalidSignatureException"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "SignatureDoesNotMatch" => (Self::ClockSkew, "clock skew"),
            "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "UnrecognizedClientException" => (Self::NotAllowed, "aws refused"),
            _ => return None,
        };
        tracing::error!(kind = "aws", outcome = "refused", alarm, service, code);
        Some(refusal)
    }
}

/// Lets the SDK call through the one HTTP client that the vendors are called through: one TLS
/// stack, one set of roots, and none of them read from the machine.
#[derive(Clone, Debug)]
struct Through {
    http: reqwest::Client,
    to: &'static str,
}

impl HttpConnector for Through {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { http, to } = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let bytes = body
                .bytes()
                .map(<[u8]>::to_vec)
                .ok_or_else(|| ConnectorError::user("a body that streams".into()))?;
            leaves(to).await;
            let response = http
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(bytes)
                .send()
                .await
                .map_err(broken)?;
            let status = response.status();
            let headers = response.headers().clone();
            let body = SdkBody::from(response.bytes().await.map_err(broken)?.to_vec());
            let mut answer = http::Response::new(body);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            HttpResponse::try_from(answer)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn broken(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

fn http_client(http: &reqwest::Client, to: &'static str) -> SharedHttpClient {
    let http = http.clone();
    let connector = SharedHttpConnector::new(Through { http, to });
    http_client_fn(move |_, _| connector.clone())
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(ATTEMPT_TIMEOUT * 4)
        .build()
}

/// The connections are the HTTP client's own: the SDK has none to close after an error.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

impl Aws {
    /// A DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(http_client(&self.http, "dynamodb"))
            .timeout_config(timeouts())
            .retry_config(retries());
        if let Some(endpoint) = &self.dynamodb_endpoint {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A Parameter Store client.
    #[must_use]
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        let mut config = aws_sdk_ssm::Config::builder()
            .behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest())
            .region(aws_sdk_ssm::config::Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(http_client(&self.http, "ssm"))
            .timeout_config(timeouts())
            .retry_config(retries());
        if let Some(endpoint) = &self.ssm_endpoint {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_ssm::Client::from_conf(config.build())
    }

    /// An EventBridge client.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let mut config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
            .region(aws_sdk_eventbridge::config::Region::new(
                self.region.clone(),
            ))
            .credentials_provider(self.credentials.clone())
            .http_client(http_client(&self.http, "eventbridge"))
            .timeout_config(timeouts())
            .retry_config(retries());
        if let Some(endpoint) = &self.eventbridge_endpoint {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }
}
