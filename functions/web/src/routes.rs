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
use pesan_service::billing;
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
        .route("/b/{token}", get(bill))
        .route("/b/{token}/pay", post(pay_bill))
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
    page(status, &template, &policy(app, template.payable))
}

fn policy(app: &App, payable: bool) -> Policy {
    if payable {
        Policy::Pay {
            stand_in: views::snap_origin(app),
        }
    } else {
        Policy::OwnOnly
    }
}

/// Whether the page's script asks, and not a form.
fn is_scripted(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"))
}

/// The way to Midtrans' page, or back to ours where nothing is to be paid.
fn led(payable: &Payable, scripted: bool, own: &str) -> Response {
    match payable {
        Payable::Page(snap) if scripted => {
            Json(json!({"token": snap.token, "redirect_url": snap.redirect_url})).into_response()
        }
        Payable::Page(snap) => Redirect::to(&snap.redirect_url).into_response(),
        Payable::Closed | Payable::UsedUp if scripted => StatusCode::CONFLICT.into_response(),
        Payable::Closed | Payable::UsedUp => Redirect::to(own).into_response(),
    }
}

fn not_led(merchant: &MerchantId, failure: &Failure) {
    tracing::warn!(%merchant, kind = "payment", outcome = "no page", error = %failure);
}

async fn pay(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let view = match orders::by_token(&app, &token).await {
        Ok(view) => view,
        Err(failure) => return failed(&failure, Language::Indonesian),
    };
    match orders::pay(&app, &view).await {
        Ok(payable) => led(&payable, is_scripted(&headers), &format!("/o/{token}")),
        Err(failure) => {
            not_led(&view.merchant.id, &failure);
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

/// The bill as it is stored. What Midtrans appends to the query on the way back is not read.
async fn bill(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    match billing::by_token(&app, &token).await {
        Ok(view) => {
            shown("bill", Some(&view.merchant.id));
            let template = views::bill(&app, &view, &token, choice.or(view.language()));
            let policy = policy(&app, template.payable);
            page(StatusCode::OK, &template, &policy)
        }
        Err(failure) => failed(&failure, choice.or(Language::Indonesian)),
    }
}

async fn pay_bill(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let view = match billing::by_token(&app, &token).await {
        Ok(view) => view,
        Err(failure) => return failed(&failure, Language::Indonesian),
    };
    match billing::pay(&app, &view).await {
        // The page says what to do instead, without its button.
        Ok(Payable::UsedUp) => {
            let template = views::bill_used_up(&app, &view, &token);
            page(StatusCode::CONFLICT, &template, &Policy::OwnOnly)
        }
        Ok(payable @ (Payable::Page(_) | Payable::Closed)) => {
            led(&payable, is_scripted(&headers), &format!("/b/{token}"))
        }
        Err(failure) => {
            not_led(&view.merchant.id, &failure);
            let mut template = views::bill(&app, &view, &token, view.language());
            let notice = view.language().pick(
                "Halaman pembayaran belum bisa dibuka. Tagihan Anda aman; coba lagi sebentar lagi.",
                "The payment page cannot be opened yet. Your bill is safe; try again in a moment.",
            );
            template.notice = Some(notice.to_owned());
            let policy = policy(&app, template.payable);
            page(StatusCode::SERVICE_UNAVAILABLE, &template, &policy)
        }
    }
}

async fn asset(uri: Uri) -> Response {
    file(uri.path()).unwrap_or_else(|| failed(&Failure::Unknown, Language::Indonesian))
}
