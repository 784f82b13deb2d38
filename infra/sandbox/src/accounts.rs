//! `POST /sandbox/accounts`: what BotFather, and Midtrans' and Meta's dashboards do for a merchant,
//! at once.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use crate::{Sandbox, Shop, refuse};

pub(crate) fn routes(sandbox: &Sandbox) -> Router {
    Router::new()
        .route("/sandbox/accounts", post(open))
        .with_state(sandbox.clone())
}

/// Accounts that were opened so are known again after a restart.
async fn open(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    match serde_json::from_slice::<Shop>(&body) {
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
        Ok(shop) => {
            sandbox.0.store.change(|state| {
                let known = &mut state.accounts;
                known.retain(|known| known.merchant != shop.merchant);
                known.push(shop.clone());
            });
            sandbox.register(shop);
            Json(json!({"ok": true})).into_response()
        }
    }
}
