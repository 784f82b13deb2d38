//! The paths of DESIGN section 7 that are pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_service::orders::{self, OrderView, Payable};
use pesan_service::{App, Failure, Shop};
use serde::Deserialize;
use serde_json::json;

use crate::pages::HomePage;
use crate::respond::{Policy, failed, file, page, shown};
use crate::views;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/m/{merchant}", get(shop))
        .route("/m/{merchant}/catalog", get(catalog))
        .route("/o/{token}", get(order))
        .route("/o/{token}/pay", post(pay))
        .route("/assets/{name}", get(asset))
        .fallback(|| async { failed(&Failure::Unknown, Language::Indonesian) })
        .with_state(app)
}

/// The language a visitor chose; a page has its own where they chose none.
#[derive(Deserialize)]
struct Choice {
    lang: Option<String>,
}

impl Choice {
    fn or(&self, own: Language) -> Language {
        match self.lang.as_deref() {
            None => own,
            chosen => Language::from_code(chosen),
        }
    }
}

async fn home(Query(choice): Query<Choice>) -> Response {
    let language = choice.or(Language::Indonesian);
    let template = HomePage {
        english: language == Language::English,
    };
    shown("home", None);
    page(StatusCode::OK, &template, &Policy::OwnOnly)
}

async fn find_shop(app: &App, merchant: &str) -> Result<Shop, Failure> {
    let id = MerchantId::parse(merchant).map_err(|_| Failure::Unknown)?;
    app.shop(&id).await
}

async fn shop(
    State(app): State<Arc<App>>,
    Path(merchant): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    of_shop(&app, &merchant, &choice, "shop", views::shop).await
}

async fn catalog(
    State(app): State<Arc<App>>,
    Path(merchant): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    of_shop(&app, &merchant, &choice, "catalog", views::catalog).await
}

async fn of_shop<T: Template>(
    app: &App,
    merchant: &str,
    choice: &Choice,
    name: &'static str,
    view: fn(&App, &Shop, Language) -> T,
) -> Response {
    let language = choice.or(Language::Indonesian);
    match find_shop(app, merchant).await {
        Ok(shop) => {
            shown(name, Some(&shop.merchant.id));
            page(
                StatusCode::OK,
                &view(app, &shop, language),
                &Policy::OwnOnly,
            )
        }
        Err(failure) => failed(&failure, language),
    }
}

/// The order as it is stored. What Midtrans appends to the query on the way back is not read.
async fn order(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    match orders::by_token(&app, &token).await {
        Ok(view) => {
            let language = choice.or(view.order.reservation.language);
            shown("order", Some(&view.merchant.id));
            order_page(&app, &view, &token, language, StatusCode::OK)
        }
        Err(failure) => failed(&failure, choice.or(Language::Indonesian)),
    }
}

fn order_page(
    app: &App,
    view: &OrderView,
    token: &str,
    language: Language,
    status: StatusCode,
) -> Response {
    let mut template = views::order(app, view, token, language);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let notice = language.pick(
            "Halaman pembayaran belum bisa dibuka. Pesanan Anda aman; coba lagi sebentar lagi.",
            "The payment page cannot be opened yet. Your order is safe; try again in a moment.",
        );
        template.notice = Some(notice.to_owned());
    }
    let policy = if template.payable {
        Policy::Pay {
            stand_in: views::snap_origin(app),
        }
    } else {
        Policy::OwnOnly
    };
    page(status, &template, &policy)
}

async fn pay(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let scripted = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    let view = match orders::by_token(&app, &token).await {
        Ok(view) => view,
        Err(failure) => return failed(&failure, Language::Indonesian),
    };
    match orders::pay(&app, &view).await {
        Ok(Payable::Page(snap)) if scripted => {
            Json(json!({"token": snap.token, "redirect_url": snap.redirect_url})).into_response()
        }
        Ok(Payable::Page(snap)) => Redirect::to(&snap.redirect_url).into_response(),
        Ok(Payable::Closed) if scripted => StatusCode::CONFLICT.into_response(),
        Ok(Payable::Closed) => Redirect::to(&format!("/o/{token}")).into_response(),
        Err(failure) => {
            let merchant = &view.merchant.id;
            tracing::warn!(%merchant, kind = "payment", outcome = "no page", error = %failure);
            let language = view.order.reservation.language;
            order_page(
                &app,
                &view,
                &token,
                language,
                StatusCode::SERVICE_UNAVAILABLE,
            )
        }
    }
}

async fn asset(uri: Uri) -> Response {
    file(uri.path()).unwrap_or_else(|| failed(&Failure::Unknown, Language::Indonesian))
}
