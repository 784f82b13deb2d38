//! Stand-ins that speak the wire of Telegram, Midtrans and WhatsApp, for local development and
//! black-box tests. This crate is the outside: it knows the vendors' pages and none of Pesan's own code.

mod accounts;
mod clock;
mod midtrans;
mod page;
mod store;
mod telegram;
#[cfg(test)]
mod testing;
mod whatsapp;
mod wire;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Clock;
use crate::store::{Store, locked};
pub use crate::whatsapp::{WhatsAppAccount, WhatsAppApp};
pub use crate::wire::{CalledBy, CloseConnection, KillSwitch, PartialFailure, Trip, Wire};

/// How the stand-ins are set up.
pub struct Options {
    /// Where they are reached, without a slash at the end: `http://127.0.0.1:PORT`.
    pub base_url: String,
    /// The stack's time is the machine's plus this.
    pub clock_offset_millis: Arc<AtomicI64>,
    /// A JSON file that lets chats, webhooks and transactions survive a restart; none: memory only.
    pub state_file: Option<PathBuf>,
}

/// One merchant's accounts at the vendors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// The name under which a test's handles know it.
    pub merchant: String,
    /// Without the at sign.
    pub bot_username: String,
    /// `1:demo`: the bot's user id stands before the colon.
    pub bot_token: String,
    /// `G000000001`
    pub midtrans_merchant_id: String,
    /// The user name of Basic authorization and the last part of what a notification signs.
    pub server_key: String,
    /// What the customer's browser says; nothing depends on it here.
    pub client_key: String,
    /// Where notifications go, as set in the vendor's dashboard.
    pub notification_url: String,
    /// Its number at WhatsApp, where it has one.
    #[serde(default)]
    pub whatsapp: Option<WhatsAppAccount>,
}

/// The stand-ins of the three vendors. A clone is the same one.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

type Turn = Arc<tokio::sync::Mutex<()>>;

struct Inner {
    base_url: String,
    clock: Clock,
    store: Store,
    shops: Mutex<Vec<Shop>>,
    telegram_http: reqwest::Client,
    midtrans_http: reqwest::Client,
    whatsapp: whatsapp::Setup,
    wire: Wire,
    flights: Arc<AtomicUsize>,
    /// One delivery at a time in each lane of a merchant.
    lanes: Mutex<HashMap<(String, String), Turn>>,
    /// Handles that wait for an update's answer.
    waiting: Mutex<HashMap<i64, Option<u16>>>,
}

/// Counts as a delivery under way for as long as it lives.
struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sandbox {
    /// Reads the state file, where there is one.
    ///
    /// # Errors
    /// The file exists and cannot be read as this crate wrote it, or TLS cannot be set up.
    pub fn open(options: Options) -> io::Result<Self> {
        // Midtrans follows 307 and 308 only, which keep the method; Telegram follows nothing.
        let kept_method = Policy::custom(|attempt| {
            let code = attempt.status().as_u16();
            if matches!(code, 307 | 308) && attempt.previous().len() <= 5 {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let store = Store::open(options.state_file)?;
        let sandbox = Self(Arc::new(Inner {
            base_url: options.base_url.trim_end_matches('/').to_owned(),
            clock: Clock::new(options.clock_offset_millis),
            shops: Mutex::default(),
            store,
            telegram_http: client(Duration::from_secs(30), Policy::none())?,
            midtrans_http: client(Duration::from_secs(15), kept_method)?,
            whatsapp: whatsapp::Setup::new()?,
            wire: Wire::new(),
            flights: Arc::default(),
            lanes: Mutex::default(),
            waiting: Mutex::default(),
        }));
        for shop in sandbox.0.store.read(|state| state.accounts.clone()) {
            sandbox.register(shop);
        }
        Ok(sandbox)
    }

    /// Every path under `/sandbox`, the vendors' wire included, except the stack's own handles
    /// (clock, schedules, idle, queues).
    pub fn router(&self) -> Router {
        // Merged into an empty router, so that its unguarded 404 answers what nobody knows.
        Router::new()
            .merge(page::routes())
            .merge(accounts::routes(self))
            .merge(telegram::routes(self))
            .merge(midtrans::routes(self))
            .merge(whatsapp::routes(self))
            .merge(self.0.wire.routes())
    }

    /// Makes a merchant known. Known again after a restart by being called again.
    pub fn register(&self, shop: Shop) {
        if let Some(account) = &shop.whatsapp {
            self.register_whatsapp(WhatsAppAccount {
                merchant: shop.merchant.clone(),
                ..account.clone()
            });
        }
        let mut shops = locked(&self.0.shops);
        shops.retain(|known| known.merchant != shop.merchant);
        shops.push(shop);
    }

    /// The journal and the faults, for the caller's own proxies too.
    pub fn wire(&self) -> Wire {
        self.0.wire.clone()
    }

    /// How many of the stand-ins' own webhook deliveries are under way. A retry in the future
    /// does not count.
    pub fn in_flight(&self) -> usize {
        self.0.flights.load(Ordering::SeqCst)
    }

    /// When [`Sandbox::run_due`] next has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let updates = self.0.store.read(|state| {
            let due = state.telegram.next_due(&self.merchants());
            due.and_then(|millis| Timestamp::from_millisecond(millis).ok())
        });
        let payments = self.0.store.read(|state| state.midtrans.next_due());
        let receipts = self.0.store.read(|state| state.whatsapp.next_due());
        [updates, payments, receipts].into_iter().flatten().min()
    }

    /// Retries the deliveries and expires the transactions that are due, and returns when the
    /// webhooks have answered.
    pub async fn run_due(&self) {
        let _flight = self.flight();
        self.deliver_due().await;
        self.expire_due().await;
        self.notify_due().await;
        self.post_due().await;
    }

    fn merchants(&self) -> Vec<String> {
        let shops = locked(&self.0.shops);
        shops.iter().map(|shop| shop.merchant.clone()).collect()
    }

    fn shop(&self, wanted: impl Fn(&Shop) -> bool) -> Option<Shop> {
        locked(&self.0.shops)
            .iter()
            .find(|shop| wanted(shop))
            .cloned()
    }

    fn flight(&self) -> Flight {
        self.0.flights.fetch_add(1, Ordering::SeqCst);
        Flight(Arc::clone(&self.0.flights))
    }

    /// Runs to its end even when the caller hangs up.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let flight = self.flight();
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(flight);
            done
        });
        task.await.ok()
    }

    /// The caller does not wait; idle does.
    fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let flight = self.flight();
        tokio::spawn(async move {
            work.await;
            drop(flight);
        });
    }
}

fn client(timeout: Duration, redirects: Policy) -> io::Result<reqwest::Client> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(timeout)
        .redirect(redirects)
        .build()
        .map_err(io::Error::other)
}

/// A test's handle refuses.
fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, axum::Json(json!({"error": error.into()}))).into_response()
}

/// What a label picks: the exact one, else the only one that begins so.
fn picked<T>(
    all: impl Iterator<Item = T> + Clone,
    label: impl Fn(&T) -> String,
    wanted: &str,
) -> Option<T> {
    if let Some(exact) = all.clone().find(|one| label(one) == wanted) {
        return Some(exact);
    }
    let mut begins = all.filter(|one| label(one).starts_with(wanted));
    match (begins.next(), begins.next()) {
        (Some(only), None) if !wanted.is_empty() => Some(only),
        _ => None,
    }
}

/// A random UUID of version 4.
pub fn fresh_id() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0..8),
        part(8..12),
        part(13..16),
        part(17..20),
        part(20..32)
    )
}
