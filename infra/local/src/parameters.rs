//! A Parameter Store: the calls Pesan makes, on its own wire
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

/// What is stored, by full name, and where it is kept.
#[derive(Clone)]
pub struct Parameters {
    values: Arc<Mutex<BTreeMap<String, String>>>,
    file: Option<PathBuf>,
}

impl Parameters {
    /// With what the last run kept.
    pub fn open(file: Option<PathBuf>) -> Self {
        let values = file
            .as_ref()
            .and_then(|file| std::fs::read(file).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            values: Arc::new(Mutex::new(values)),
            file,
        }
    }

    /// The store behind any path.
    pub fn router(&self) -> Router {
        Router::new().fallback(call).with_state(self.clone())
    }

    /// Puts a value under its full name, over the one that is there.
    ///
    /// # Errors
    /// When another thread died while it held the store.
    pub fn put(&self, name: String, value: String) -> anyhow::Result<()> {
        let Ok(mut values) = self.values.lock() else {
            anyhow::bail!("the parameter store is broken");
        };
        values.insert(name, value);
        self.keep(&values);
        Ok(())
    }

    fn keep(&self, values: &BTreeMap<String, String>) {
        let Some(file) = &self.file else { return };
        let written = serde_json::to_vec_pretty(values)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(file, bytes));
        if let Err(error) = written {
            tracing::error!(kind = "ssm", outcome = "not kept", %error);
        }
    }
}

async fn call(State(store): State<Parameters>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Ok(mut values) = store.values.lock() else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
    };
    let text = |field: &str| {
        request
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let parameter = |name: &str, value: &str| json!({"Name": name, "Value": value, "Type": "SecureString", "Version": 1});
    match target {
        "AmazonSSM.GetParameters" => {
            let names = request.get("Names").and_then(Value::as_array);
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            for name in names.into_iter().flatten().filter_map(Value::as_str) {
                match values.get(name) {
                    Some(value) => found.push(parameter(name, value)),
                    None => missing.push(name.to_owned()),
                }
            }
            answer(json!({"Parameters": found, "InvalidParameters": missing}))
        }
        "AmazonSSM.GetParameter" => match values.get(&text("Name")) {
            Some(value) => answer(json!({"Parameter": parameter(&text("Name"), value)})),
            None => refused(StatusCode::BAD_REQUEST, "ParameterNotFound"),
        },
        "AmazonSSM.PutParameter"
            if values.contains_key(&text("Name"))
                && request.get("Overwrite") != Some(&Value::Bool(true)) =>
        {
            refused(StatusCode::BAD_REQUEST, "ParameterAlreadyExists")
        }
        "AmazonSSM.PutParameter" => {
            values.insert(text("Name"), text("Value"));
            store.keep(&values);
            answer(json!({"Version": 1, "Tier": "Standard"}))
        }
        "AmazonSSM.DeleteParameter" => {
            values.remove(&text("Name"));
            store.keep(&values);
            answer(json!({}))
        }
        _ => refused(StatusCode::BAD_REQUEST, "UnknownOperationException"),
    }
}

const WIRE: &str = "application/x-amz-json-1.1";

fn answer(body: Value) -> Response {
    (
        [(header::CONTENT_TYPE, WIRE)],
        Json(body).into_response().into_body(),
    )
        .into_response()
}

fn refused(status: StatusCode, kind: &str) -> Response {
    let body = json!({"__type": kind, "message": kind}).to_string();
    (status, [(header::CONTENT_TYPE, WIRE)], body).into_response()
}
