//! The embedded DynamoDB, and the door before it where faults are injected and calls are counted.

use std::path::Path;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use dynoxide::{Database, DynoxideError};
use pesan_adapters::aws::Aws;
use serde_json::Value;
use tokio::net::TcpListener;

/// Opens the database in `folder` or in memory, with the table that the template describes, and
/// serves it on a port of its own.
pub async fn serve(folder: Option<&Path>, table: &Value) -> anyhow::Result<String> {
    let database = match folder {
        Some(folder) => {
            let path = folder.join("dynamodb.sqlite");
            Database::new(path.to_str().context("the data folder is no UTF-8")?)
        }
        None => Database::memory(),
    }
    .map_err(|error| anyhow::anyhow!("the embedded DynamoDB does not open: {error}"))?;
    match database.create_table(serde_json::from_value(table.clone())?) {
        Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => {}
        Err(error) => anyhow::bail!("the table of the template is not made: {error}"),
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let served =
            dynoxide::server::serve_with_shutdown(listener, database, std::future::pending());
        if let Err(error) = served.await {
            tracing::error!(kind = "dynamodb", outcome = "ended", error);
        }
    });
    Ok(format!("http://{address}"))
}

/// The way to the embedded database for everybody else.
pub fn door(http: reqwest::Client, upstream: String) -> Router {
    Router::new().fallback(forward).with_state((http, upstream))
}

async fn forward(
    State((http, upstream)): State<(reqwest::Client, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response<Body> {
    let url = format!("{upstream}{}", uri.path());
    let mut passed = headers;
    passed.remove(header::HOST);
    passed.remove(header::CONTENT_LENGTH);
    let sent = http
        .request(method, url)
        .headers(passed)
        .body(body)
        .send()
        .await;
    let Ok(response) = sent else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = response.status();
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/x-amz-json-1.0"));
    match response.bytes().await {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Every row of the table, for the demo's last word.
pub async fn rows(aws: &Aws) -> anyhow::Result<Vec<Value>> {
    let answer = aws.dynamodb().scan().table_name("pesan").send().await?;
    answer
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|item| Ok(serde_dynamo::from_item(item)?))
        .collect()
}
