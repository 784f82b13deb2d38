//! The customer's payment page, and the script that lays it over a shop's own page. Plain forms:
//! it works without JavaScript.

use std::collections::HashMap;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::act::{self, Deed, How};
use super::method::{self, METHODS, Method};
use super::{Attempt, Order, Status, notify};
use crate::clock::western;
use crate::page::{encode, escape, text};
use crate::{Sandbox, Shop};

type Fields = HashMap<String, String>;

const STYLE: &str = include_str!("checkout.css");
const BEHAVIOUR: &str = include_str!("checkout.js");

pub(super) async fn script() -> Response {
    text("text/javascript; charset=utf-8", include_str!("snap.js"))
}

impl Sandbox {
    /// The order whose page this token opens, and its merchant.
    fn by_token(&self, token: &str) -> Option<(Order, Shop)> {
        let has_page = |order: &&Order| order.pages.iter().any(|page| page.token == token);
        let order = self
            .0
            .store
            .read(|state| state.midtrans.orders.iter().find(has_page).cloned())?;
        let shop = self.shop(|shop| shop.merchant == order.merchant)?;
        Some((order, shop))
    }
}

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    Query(query): Query<Fields>,
) -> Response {
    match sandbox.by_token(&token) {
        None => missing(),
        Some((order, shop)) => {
            let now = sandbox.0.clock.now();
            let error = query.get("error").map(String::as_str);
            text("text/html; charset=utf-8", page(&order, &shop, error, now))
        }
    }
}

pub(super) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    Query(query): Query<Fields>,
    Form(fields): Form<Fields>,
) -> Response {
    let Some((order, shop)) = sandbox.by_token(&token) else {
        return missing();
    };
    let named = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let error = match Deed::named(named("act")) {
        Some(deed @ (Deed::Choose | Deed::Pay | Deed::Expire | Deed::Deny)) => {
            let how = How {
                method: Method::named(named("method")),
                ..How::default()
            };
            sandbox.act_on_page(shop, order, deed, how).await.err()
        }
        _ => Some("act?".to_owned()),
    };
    // Shown by GET: a reload must not pay twice.
    let mut target = format!("/sandbox/midtrans/snap/v4/redirection/{}?", encode(&token));
    if query.contains_key("overlay") {
        target.push_str("overlay=1&");
    }
    if let Some(error) = error {
        target.push_str(&format!("error={}", encode(&error)));
    }
    let target = target.trim_end_matches(['?', '&']).to_owned();
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

impl Sandbox {
    async fn act_on_page(
        &self,
        shop: Shop,
        order: Order,
        deed: Deed,
        how: How,
    ) -> Result<(), String> {
        let now = self.0.clock.now();
        let told = self.0.store.change(|state| {
            let order = state.midtrans.order_mut(&shop.merchant, &order.order_id);
            act::act(order.ok_or("no order")?, &shop, deed, &how, now)
        })?;
        let this = self.clone();
        self.to_the_end(async move {
            for body in [told.pending, told.own].into_iter().flatten() {
                this.notify(&shop.merchant, body).await;
            }
        })
        .await;
        Ok(())
    }
}

fn missing() -> Response {
    let body = shell(
        "",
        "Halaman tidak ditemukan",
        "<p>Token tidak dikenal. <small lang=en>Unknown token.</small></p>",
    );
    (
        StatusCode::NOT_FOUND,
        text("text/html; charset=utf-8", body),
    )
        .into_response()
}

/// The attributes and the content are HTML already.
fn shell(attributes: &str, title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"id\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}</style></head>\
         <body {attributes}><main>{content}</main><script>{BEHAVIOUR}</script></body></html>",
        escape(title)
    )
}

fn money(amount: i64) -> String {
    let digits = amount.to_string();
    let mut text = String::from("Rp");
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

fn page(order: &Order, shop: &Shop, error: Option<&str>, now: Timestamp) -> String {
    let head = format!(
        "<header><span class=\"shop\">{}</span><b class=\"amount\">{}</b>\
         <span class=\"order\">Order <code>{}</code></span></header>{}",
        escape(&shop.merchant),
        money(order.gross_amount),
        escape(&order.order_id),
        items(&order.request),
    );
    let error = error
        .map(|error| format!("<p class=\"error\" role=\"alert\">{}</p>", escape(error)))
        .unwrap_or_default();
    let last = order.last();
    let renewed = order
        .pages
        .last()
        .is_some_and(|page| page.after == order.attempts.len());
    let retry = last.is_some_and(|last| last.status == Status::Deny && !last.reversed);
    let choosing = (last.is_none() || retry || (renewed && !order.is_used()))
        && order.open_page(now).is_some()
        && last.is_none_or(|last| last.status != Status::Pending);
    let (state, body) = match last {
        _ if choosing => ("", choose(order, retry)),
        None => (
            "error",
            closed("Waktu pembayaran habis", "payment time is over"),
        ),
        Some(last) if last.status == Status::Pending => ("pending", pay(last)),
        Some(last) => match last.status {
            Status::Settlement => ("success", result("good", "Pembayaran berhasil", "paid")),
            Status::Capture if last.challenged => (
                "pending",
                result("wait", "Pembayaran ditinjau", "under review"),
            ),
            Status::Capture => ("success", result("good", "Pembayaran berhasil", "paid")),
            Status::Refund | Status::PartialRefund => {
                ("success", result("wait", "Dana dikembalikan", "refunded"))
            }
            Status::Deny => ("error", result("bad", "Pembayaran ditolak", "denied")),
            Status::Cancel => ("error", result("bad", "Pembayaran dibatalkan", "canceled")),
            _ => (
                "error",
                closed("Waktu pembayaran habis", "payment time is over"),
            ),
        },
    };
    let told = last.map(|last| notify::status(order, last, shop));
    let told = told.unwrap_or_else(|| json!({"order_id": order.order_id, "status_code": "407", "transaction_status": "expire"}));
    let back = finish(order, &told).filter(|_| !state.is_empty()).map(|url| {
        format!("<a id=\"back\" class=\"key\" href=\"{}\">Kembali ke toko <small lang=\"en\">back to the shop</small></a>", escape(&url))
    });
    let attributes = format!(
        "data-snap=\"{state}\" data-result=\"{}\"",
        escape(&told.to_string())
    );
    let foot = "<footer>Halaman bank tiruan, tanpa uang sungguhan. <small lang=\"en\">A stand-in: no real money.</small></footer>";
    let content = format!("{head}{error}{body}{}{foot}", back.unwrap_or_default());
    shell(&attributes, "Pembayaran", &content)
}

fn items(request: &Value) -> String {
    let row = |item: &Value| {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(1);
        format!(
            "<li><span>{} × {}</span><span>{}</span></li>",
            number("quantity"),
            escape(name),
            money(number("price"))
        )
    };
    let items = request.get("item_details").and_then(Value::as_array);
    let rows: String = items.into_iter().flatten().map(row).collect();
    format!("<ul class=\"items\">{rows}</ul>")
}

fn choose(order: &Order, retry: bool) -> String {
    let again = if retry {
        "<p class=\"error\">Kartu ditolak, coba cara lain. <small lang=\"en\">Denied; try again.</small></p>"
    } else {
        ""
    };
    let methods: String = METHODS
        .into_iter()
        .filter(|method| method.is_enabled(&order.request))
        .map(|method| {
            format!(
                "<button name=\"method\" value=\"{}\">{}</button>",
                method.name(),
                method.title()
            )
        })
        .collect();
    format!(
        "{again}<h1>Pilih cara bayar <small lang=\"en\">choose a method</small></h1>\
         <form method=\"post\" class=\"methods\"><input type=\"hidden\" name=\"act\" value=\"choose\">{methods}</form>\
         {}",
        key("expire", "", "Biarkan kedaluwarsa", "let it expire")
    )
}

fn key(deed: &str, class: &str, title: &str, english: &str) -> String {
    format!(
        "<form method=\"post\"><button class=\"key {class}\" name=\"act\" value=\"{deed}\">{title} \
         <small lang=\"en\">{english}</small></button></form>"
    )
}

fn pay(last: &Attempt) -> String {
    let how = match (last.method, method::number(&last.fields)) {
        (Method::Qris | Method::Gopay | Method::Shopeepay, _) => {
            "<div class=\"qr\" role=\"img\" aria-label=\"Kode QR tiruan\">QR</div>".to_owned()
        }
        (_, Some(number)) => {
            let biller = last.fields.get("biller_code").and_then(Value::as_str);
            let biller = biller.map(|code| format!("Kode perusahaan {} · ", escape(code)));
            format!(
                "<p class=\"number\">{}<b id=\"number\">{}</b></p>",
                biller.unwrap_or_default(),
                escape(number)
            )
        }
        _ => "<p class=\"number\"><b>4811 1111 1111 1114</b></p>".to_owned(),
    };
    let deny = if last.method == Method::CreditCard {
        key("deny", "bad", "Tolak", "deny")
    } else {
        String::new()
    };
    format!(
        "<h1>{}</h1>{how}<p class=\"until\">Bayar sebelum {} WIB</p>{}{deny}{}",
        last.method.title(),
        western(last.expires),
        key("pay", "main", "Bayar", "pay"),
        key("expire", "", "Biarkan kedaluwarsa", "let it expire")
    )
}

fn result(class: &str, title: &str, english: &str) -> String {
    format!("<h1 class=\"result {class}\">{title} <small lang=\"en\">{english}</small></h1>")
}

fn closed(title: &str, english: &str) -> String {
    result("bad", title, english)
}

/// The shop's own page, with what the browser may tell it. Only a link of the web.
fn finish(order: &Order, told: &Value) -> Option<String> {
    let url = order.request.pointer("/callbacks/finish")?.as_str()?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return None;
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let field = |name: &str| encode(told.get(name).and_then(Value::as_str).unwrap_or_default());
    Some(format!(
        "{url}{joint}order_id={}&status_code={}&transaction_status={}",
        field("order_id"),
        field("status_code"),
        field("transaction_status")
    ))
}
