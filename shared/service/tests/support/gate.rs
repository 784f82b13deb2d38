//! A gate before the table: the functions' calls pass through it, and one of them meets a fault.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What becomes of a call to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and the caller dies.
    KillsBefore,
    /// It is done, and the caller dies.
    KillsAfter,
    /// It is not done, and the caller is told that something failed.
    Fails,
    /// It is done, and the caller is told that something failed.
    Loses,
    /// It is done once the test lets it.
    Waits,
    /// It is done, and once the test lets it, the caller is told that something failed.
    LosesLate,
}

/// What the gate does.
#[derive(Default)]
pub struct Gate {
    /// The call that meets a fault, counted from 1.
    order: Mutex<Option<(usize, Fault)>>,
    /// The operations that passed since the order.
    passed: Mutex<Vec<String>>,
    /// A caller is to die, or to wait until it is let go on.
    pub died: Notify,
    pub goes_on: Notify,
}

impl Gate {
    /// The address of a gate before the table.
    pub async fn before(table: String) -> (Arc<Self>, String) {
        let gate = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = pesan_adapters::http::client().unwrap();
        let shared = Arc::clone(&gate);
        let router = axum::Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let (gate, table) = (Arc::clone(&shared), table.clone());
            let call = http.post(table).headers(headers.clone()).body(body);
            async move {
                let operation = headers["x-amz-target"].to_str().unwrap().to_owned();
                let pass = async {
                    let answer = call.send().await.unwrap();
                    let (status, headers) = (answer.status(), answer.headers().clone());
                    (status, headers, answer.bytes().await.unwrap()).into_response()
                };
                gate.judge(operation, pass).await
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (gate, url)
    }

    /// The `nth` call from now meets a fault.
    pub fn order(&self, nth: usize, fault: Fault) {
        self.passed.lock().unwrap().clear();
        *self.order.lock().unwrap() = Some((nth, fault));
    }

    /// Whether the fault was met.
    pub fn is_over(&self) -> bool {
        self.order.lock().unwrap().is_none()
    }

    /// What passed since the last question.
    pub fn passed(&self) -> Vec<String> {
        std::mem::take(&mut *self.passed.lock().unwrap())
    }

    fn fault(&self, operation: String) -> Option<Fault> {
        let mut order = self.order.lock().unwrap();
        let mut passed = self.passed.lock().unwrap();
        passed.push(operation);
        let (_, fault) = order.filter(|(nth, _)| passed.len() == *nth)?;
        *order = None;
        Some(fault)
    }

    async fn judge(&self, operation: String, pass: impl Future<Output = Response>) -> Response {
        match self.fault(operation) {
            None => pass.await,
            Some(Fault::Fails) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Some(Fault::Loses) => {
                pass.await;
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Some(Fault::KillsBefore) => self.kill().await,
            Some(Fault::Waits) => {
                self.died.notify_one();
                self.goes_on.notified().await;
                pass.await
            }
            Some(Fault::LosesLate) => {
                pass.await;
                self.died.notify_one();
                self.goes_on.notified().await;
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Some(Fault::KillsAfter) => {
                pass.await;
                self.kill().await
            }
        }
    }

    async fn kill(&self) -> Response {
        self.died.notify_one();
        std::future::pending().await
    }
}
