//! A sandbox with one shop, and a webhook that answers as told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::{Options, Sandbox, Shop};

#[derive(Clone, Default)]
pub(crate) struct Hook {
    /// Taken one by one; then 200.
    pub(crate) answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    pub(crate) heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// The bytes of each, for whoever signs them.
    pub(crate) raw: Arc<Mutex<Vec<Bytes>>>,
}

impl Hook {
    pub(crate) fn answers(&self, status: u16, times: usize) {
        let more = (0..times).map(|_| (status, String::new()));
        self.answers.lock().unwrap().extend(more);
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|(_, body)| body.clone()).collect()
    }
}

pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) hook: Hook,
    pub(crate) hook_url: String,
    offset: Arc<AtomicI64>,
}

async fn hooked(State(hook): State<Hook>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    hook.raw.lock().unwrap().push(body.clone());
    let body = serde_json::from_slice(&body).unwrap();
    hook.heard.lock().unwrap().push((headers, body));
    let (status, text) = hook
        .answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or((200, String::new()));
    (StatusCode::from_u16(status).unwrap(), text)
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with_file(None).await
    }

    pub(crate) async fn with_file(state_file: Option<std::path::PathBuf>) -> Self {
        let hook = Hook::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook_url = format!("http://{}/hook", listener.local_addr().unwrap());
        let served = Router::new().fallback(hooked).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        let offset = Arc::new(AtomicI64::new(0));
        let sandbox = Sandbox::open(Options {
            base_url: "http://127.0.0.1:8787".to_owned(),
            clock_offset_millis: Arc::clone(&offset),
            state_file,
        })
        .unwrap();
        sandbox.register(Shop {
            merchant: "demo".to_owned(),
            bot_username: "demo_bot".to_owned(),
            bot_token: "1:demo".to_owned(),
            midtrans_merchant_id: "G000000001".to_owned(),
            server_key: "SB-Mid-server-demo".to_owned(),
            client_key: "SB-Mid-client-demo".to_owned(),
            notification_url: hook_url.clone(),
            whatsapp: None,
        });
        Self {
            sandbox,
            hook,
            hook_url,
            offset,
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    async fn json(&self, method: Method, path: &str, body: String) -> (u16, Value) {
        let key = data_encoding::BASE64.encode(b"SB-Mid-server-demo:");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Basic {key}"))
            .body(Body::from(body))
            .unwrap();
        let (status, _, text) = self.raw(request).await;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status.as_u16(), value)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.json(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.json(Method::POST, path, body.to_string()).await
    }
}
