//! Midtrans: making a Snap transaction and asking a transaction's status.
//! <https://docs.midtrans.com/reference/backend-integration>,
//! <https://docs.midtrans.com/reference/get-transaction-status>

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pesan_domain::merchant::MidtransEnvironment;
use pesan_domain::money::Rupiah;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::http::{CallError, leaves};

/// A path segment: everything but letters, digits and `-_~.` is escaped, so an id cannot leave it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b'.');

/// Midtrans' two hosts, or a stand-in for both.
#[derive(Clone, Debug)]
pub struct Midtrans {
    http: reqwest::Client,
    app_url: Option<String>,
    api_url: Option<String>,
}

/// What the customer is asked to pay.
#[derive(Clone, Debug)]
pub struct SnapOrder<'a> {
    /// Unique in the merchant's account.
    pub order_id: &'a str,
    /// The whole amount.
    pub amount: Rupiah,
    /// The one item's id, at most 50 characters.
    pub item_id: &'a str,
    /// The item's name; cut at 50 characters, which is Midtrans' limit.
    pub item_name: &'a str,
    /// The customer's name as the page shows it.
    pub customer_name: &'a str,
    /// When the page and every code it gives out stop taking money.
    pub expires_at: Timestamp,
    /// Where the page leads back to.
    pub finish_url: &'a str,
}

/// An open Snap page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SnapPage {
    /// What Snap.js pays with.
    pub token: String,
    /// Midtrans' own page; its path changes between versions, so it is never built.
    pub redirect_url: String,
}

/// Why no Snap page was made.
#[derive(Debug, thiserror::Error)]
pub enum SnapError {
    /// Midtrans already knows a transaction of this order id.
    #[error("the order id has been taken")]
    OrderTaken,
    /// See [`CallError`].
    #[error(transparent)]
    Call(#[from] CallError),
}

#[derive(Deserialize)]
struct SnapRefusal {
    #[serde(default)]
    error_messages: Vec<String>,
}

/// The status answer, as far as it is used. All values are strings on the wire.
#[derive(Clone, Debug, Deserialize)]
pub struct StatusAnswer {
    /// Midtrans' result code, which is not the HTTP status.
    #[serde(default)]
    pub status_code: String,
    /// The order it belongs to.
    #[serde(default)]
    pub order_id: String,
    /// The transaction.
    #[serde(default)]
    pub transaction_id: String,
    /// Compare without case: one method answers in capitals.
    #[serde(default)]
    pub transaction_status: String,
    /// Absent for some methods.
    pub fraud_status: Option<String>,
    /// Such as `70000.00`.
    #[serde(default)]
    pub gross_amount: String,
    /// Absent in old shapes.
    pub currency: Option<String>,
    /// When the transaction was made: Jakarta time without an offset.
    pub transaction_time: Option<String>,
    /// Jakarta time without an offset.
    pub settlement_time: Option<String>,
    /// What has been given back in all.
    pub refund_amount: Option<String>,
    /// Carries the fee a customer was charged on top.
    pub metadata: Option<serde_json::Value>,
}

impl StatusAnswer {
    /// A field of `metadata.extra_info.gross_amount_info`, where the fee on top is told.
    #[must_use]
    pub fn gross_amount_info(&self, field: &str) -> Option<&str> {
        self.metadata
            .as_ref()?
            .pointer("/extra_info/gross_amount_info")?
            .get(field)?
            .as_str()
    }
}

impl Midtrans {
    /// Speaks to Midtrans' hosts, or to the stand-ins at `app_url` and `api_url`.
    #[must_use]
    pub fn new(http: reqwest::Client, app_url: Option<&str>, api_url: Option<&str>) -> Self {
        let own = |url: &str| url.trim_end_matches('/').to_owned();
        Self {
            http,
            app_url: app_url.map(own),
            api_url: api_url.map(own),
        }
    }

    /// Makes a Snap transaction whose page and codes end at `order.expires_at`.
    ///
    /// # Errors
    /// [`SnapError`]; after `Unknown` it may exist, and asking again with the same order id is safe.
    pub async fn create_snap(
        &self,
        environment: MidtransEnvironment,
        server_key: &SecretString,
        order: &SnapOrder<'_>,
        now: Timestamp,
    ) -> Result<SnapPage, SnapError> {
        let minutes = (order.expires_at.as_second().saturating_sub(now.as_second()) / 60).max(1);
        let start = now
            .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7)))
            .strftime("%Y-%m-%d %H:%M:%S %z")
            .to_string();
        let body = json!({
            "transaction_details": {"order_id": order.order_id, "gross_amount": order.amount.get()},
            "item_details": [{
                "id": cut(order.item_id, 50),
                "price": order.amount.get(),
                "quantity": 1,
                "name": cut(order.item_name, 50),
            }],
            "customer_details": {"first_name": cut(order.customer_name, 30)},
            "expiry": {"start_time": start, "unit": "minute", "duration": minutes},
            "page_expiry": {"unit": "minute", "duration": minutes.max(5)},
            "callbacks": {"finish": order.finish_url},
        });
        let url = format!("{}/snap/v1/transactions", self.app_host(environment));
        leaves("midtrans").await;
        let response = self
            .http
            .post(url)
            .basic_auth(server_key.expose_secret(), Some(""))
            .json(&body)
            .send()
            .await
            .map_err(CallError::from)?;
        let status = response.status().as_u16();
        if status == 201 || status == 200 {
            return Ok(response.json().await.map_err(CallError::from)?);
        }
        if status >= 500 || status == 429 {
            return Err(CallError::Unknown(format!("status {status}")).into());
        }
        let refusal: SnapRefusal = response.json().await.map_err(CallError::from)?;
        let reason = refusal.error_messages.join("; ");
        if reason.contains("has already been taken") || reason.contains("paid and utilized") {
            return Err(SnapError::OrderTaken);
        }
        Err(CallError::Refused { status, reason }.into())
    }

    /// Asks the status of an order or a transaction.
    ///
    /// # Errors
    /// `NotFound` when no method was chosen yet, `Unknown` when Midtrans did not answer.
    pub async fn status(
        &self,
        environment: MidtransEnvironment,
        server_key: &SecretString,
        id: &str,
    ) -> Result<StatusAnswer, CallError> {
        let url = self.core_url(environment, id, "status");
        let (http_status, answer) = core(self.http.get(url), server_key).await?;
        // The body's code is the result: the HTTP status of a missing transaction is 200 or 404.
        match answer.status_code.as_str() {
            "404" => Err(CallError::NotFound),
            _ if http_status == 404 => Err(CallError::NotFound),
            "401" | "402" | "403" => Err(CallError::Refused {
                status: 401,
                reason: "the status was refused".to_owned(),
            }),
            _ if answer.transaction_status.is_empty() => {
                Err(CallError::Unknown("an answer without a status".to_owned()))
            }
            _ => Ok(answer),
        }
    }

    /// Ends a transaction that nobody paid, so that its codes take no money any more.
    ///
    /// # Errors
    /// `NotFound` when no method was chosen yet, `Refused` when it is paid or over.
    pub async fn expire(
        &self,
        environment: MidtransEnvironment,
        server_key: &SecretString,
        id: &str,
    ) -> Result<(), CallError> {
        let url = self.core_url(environment, id, "expire");
        let (http_status, answer) = core(self.http.post(url), server_key).await?;
        // Success carries the code 407, "expired".
        match answer.status_code.as_str() {
            "200" | "407" => Ok(()),
            "404" => Err(CallError::NotFound),
            code => Err(CallError::Refused {
                status: code.parse().unwrap_or(http_status),
                reason: "the transaction cannot be ended".to_owned(),
            }),
        }
    }

    fn core_url(&self, environment: MidtransEnvironment, id: &str, deed: &str) -> String {
        let id = utf8_percent_encode(id, SEGMENT);
        format!("{}/v2/{id}/{deed}", self.api_host(environment))
    }

    fn app_host(&self, environment: MidtransEnvironment) -> &str {
        self.app_url.as_deref().unwrap_or(match environment {
            MidtransEnvironment::Sandbox => "https://app.sandbox.midtrans.com",
            MidtransEnvironment::Production => "https://app.midtrans.com",
        })
    }

    fn api_host(&self, environment: MidtransEnvironment) -> &str {
        self.api_url.as_deref().unwrap_or(match environment {
            MidtransEnvironment::Sandbox => "https://api.sandbox.midtrans.com",
            MidtransEnvironment::Production => "https://api.midtrans.com",
        })
    }
}

/// A call of the core API: its HTTP status and its answer.
async fn core(
    request: reqwest::RequestBuilder,
    server_key: &SecretString,
) -> Result<(u16, StatusAnswer), CallError> {
    leaves("midtrans").await;
    let response = request
        .basic_auth(server_key.expose_secret(), Some(""))
        .header("Accept", "application/json")
        .send()
        .await?;
    let status = response.status().as_u16();
    if status >= 500 || status == 429 {
        return Err(CallError::Unknown(format!("status {status}")));
    }
    Ok((status, response.json().await?))
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
