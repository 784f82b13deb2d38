//! A way to the table on which calls are counted, fail, or are never answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Calls that lose against another write.
#[derive(Clone, Copy)]
pub struct Fails {
    pub op: &'static str,
    pub skip: usize,
    pub times: usize,
}

#[derive(Default)]
struct Rules {
    calls: usize,
    kill: Option<(usize, bool)>,
    fails: Option<Fails>,
    answered: BTreeMap<String, usize>,
}

pub struct Proxy {
    pub url: String,
    /// The caller is dead: its call is not answered any more.
    pub reached: Arc<Notify>,
    rules: Arc<Mutex<Rules>>,
}

impl Proxy {
    /// Before the table of these variables.
    pub async fn before(variables: &[(String, String)]) -> Self {
        let table = variables
            .iter()
            .find(|(name, _)| name == "AWS_ENDPOINT_URL_DYNAMODB");
        let table = table.unwrap().1.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (rules, reached) = (Arc::<Mutex<Rules>>::default(), Arc::<Notify>::default());
        let of_calls = (Arc::clone(&rules), Arc::clone(&reached));
        let http = pesan_adapters::http::client().unwrap();
        let router = axum::Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let (rules, reached) = of_calls.clone();
            let (http, table) = (http.clone(), table.clone());
            async move {
                let op = headers["x-amz-target"].to_str().unwrap();
                let op = op.rsplit('.').next().unwrap().to_owned();
                let dies = match ruled(&rules, &op) {
                    Rule::Dies => return dead(&reached).await,
                    Rule::Loses => return conflict(),
                    Rule::DiesAfter => true,
                    Rule::Passes => false,
                };
                let mut call = http.post(&table).body(body);
                for (name, value) in &headers {
                    if name != "host" && name != "content-length" {
                        call = call.header(name.as_str(), value.as_bytes());
                    }
                }
                let answer = call.send().await.unwrap();
                let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
                let bytes = answer.bytes().await.unwrap();
                if dies {
                    return dead(&reached).await;
                }
                *rules.lock().unwrap().answered.entry(op).or_default() += 1;
                let headers = [("content-type", "application/x-amz-json-1.0")];
                (status, headers, bytes).into_response()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            reached,
            rules,
        }
    }

    /// The caller dies at its `nth` call from now, before or after it is done.
    pub fn kills(&self, nth: usize, after: bool) {
        let mut rules = self.rules.lock().unwrap();
        rules.calls = 0;
        rules.kill = Some((nth, after));
    }

    pub fn fails(&self, fails: Fails) {
        self.rules.lock().unwrap().fails = Some(fails);
    }

    pub fn lets_be(&self) {
        self.rules.lock().unwrap().kill = None;
    }

    /// How many calls of a kind went through.
    pub fn answered(&self, op: &str) -> usize {
        let rules = self.rules.lock().unwrap();
        rules.answered.get(op).copied().unwrap_or_default()
    }
}

enum Rule {
    Passes,
    Dies,
    DiesAfter,
    Loses,
}

/// What becomes of a call.
fn ruled(rules: &Mutex<Rules>, op: &str) -> Rule {
    let mut rules = rules.lock().unwrap();
    let nth = rules.calls;
    rules.calls += 1;
    if let Some(fails) = rules.fails.as_mut().filter(|fails| fails.op == op) {
        if fails.skip > 0 {
            fails.skip -= 1;
        } else if fails.times > 0 {
            fails.times -= 1;
            return Rule::Loses;
        }
    }
    match rules.kill {
        Some((at, false)) if at == nth => Rule::Dies,
        Some((at, true)) if at == nth => Rule::DiesAfter,
        _ => Rule::Passes,
    }
}

/// Nobody hears the answer.
async fn dead(reached: &Notify) -> Response {
    reached.notify_one();
    std::future::pending().await
}

fn conflict() -> Response {
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed"}],
    });
    let headers = [("content-type", "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, headers, body.to_string()).into_response()
}
