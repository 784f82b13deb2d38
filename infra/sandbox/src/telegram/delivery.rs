//! Webhook deliveries: one at a time in each lane, retried until the update expires.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header;
use serde_json::{Value, json};

use super::{Bot, State, Update, Webhook, api};
use crate::clock::Clock;
use crate::store::locked;
use crate::{Sandbox, Shop};

/// A 2xx body may carry one method call, but not these.
const NOT_IN_A_REPLY: [&str; 4] = ["deletewebhook", "setwebhook", "close", "logout"];

struct Heard {
    status: Option<u16>,
    error: String,
    kind: Option<String>,
    body: Vec<u8>,
}

impl Heard {
    fn well(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

impl State {
    /// In milliseconds. What has no webhook to go to is not due.
    pub(crate) fn next_due(&self, merchants: &[String]) -> Option<i64> {
        merchants
            .iter()
            .filter_map(|merchant| self.bots.get(merchant))
            .filter(|bot| !bot.webhook.url.is_empty())
            .flat_map(|bot| bot.lanes.values())
            .filter_map(|lane| Some(lane.front()?.not_before))
            .min()
    }
}

impl Bot {
    /// Nothing, where the bot did not ask for this kind.
    pub(super) fn enqueue(
        &mut self,
        lane: String,
        kind: &str,
        body: Value,
        expires: i64,
    ) -> Option<i64> {
        let allowed = &self.webhook.allowed;
        if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed == kind) {
            return None;
        }
        // The first id comes from the machine's clock, so that none comes back after a reset.
        let id = match self.last_update_id {
            0 => Clock::machine().as_millisecond(),
            last => last + 1,
        };
        self.last_update_id = id;
        self.lanes.entry(lane).or_default().push_back(Update {
            id,
            kind: kind.to_owned(),
            body,
            expires,
            attempts: 0,
            not_before: 0,
        });
        Some(id)
    }
}

impl Sandbox {
    pub(crate) async fn deliver_due(&self) {
        let mut all = tokio::task::JoinSet::new();
        for merchant in self.merchants() {
            let sandbox = self.clone();
            all.spawn(async move { sandbox.deliver_due_of(&merchant).await });
        }
        all.join_all().await;
    }

    pub(super) fn is_due(&self, merchant: &str) -> bool {
        !self.due_lanes(merchant).is_empty()
    }

    fn due_lanes(&self, merchant: &str) -> Vec<String> {
        let now = self.0.clock.now_millis();
        self.0.store.read(|state| {
            let bot = state.telegram.bots.get(merchant);
            bot.filter(|bot| !bot.webhook.url.is_empty())
                .into_iter()
                .flat_map(|bot| &bot.lanes)
                .filter(|(_, lane)| lane.front().is_some_and(|update| update.not_before <= now))
                .map(|(name, _)| name.clone())
                .collect()
        })
    }

    pub(super) async fn deliver_due_of(&self, merchant: &str) {
        for lane in self.due_lanes(merchant) {
            self.drain(merchant, &lane).await;
        }
    }

    /// Delivers a lane and tells the last status that this update got.
    pub(super) async fn deliver(
        &self,
        merchant: String,
        lane: String,
        update: Option<i64>,
    ) -> Option<u16> {
        let update = update?;
        locked(&self.0.waiting).insert(update, None);
        let sandbox = self.clone();
        self.to_the_end(async move {
            sandbox.drain(&merchant, &lane).await;
            locked(&sandbox.0.waiting).remove(&update).flatten()
        })
        .await
        .flatten()
    }

    async fn drain(&self, merchant: &str, lane: &str) {
        let turn = {
            let mut lanes = locked(&self.0.lanes);
            let key = (merchant.to_owned(), lane.to_owned());
            Arc::clone(lanes.entry(key).or_default())
        };
        let _turn = turn.lock().await;
        let Some(shop) = self.shop(|shop| shop.merchant == merchant) else {
            return;
        };
        while let Some((update, webhook)) = self.front(merchant, lane) {
            let mut heard = self.post_update(&webhook, &update).await;
            if !heard.well() && update.attempts == 0 {
                heard = self.post_update(&webhook, &update).await;
            }
            if heard.well() {
                self.execute_reply(&shop, &heard);
            }
            self.heard(merchant, lane, update.id, &heard);
        }
    }

    /// The lane's first update, if it may go out now. The expired ones before it are gone.
    fn front(&self, merchant: &str, lane: &str) -> Option<(Update, Webhook)> {
        let now = self.0.clock.now_millis();
        self.0.store.change(|state| {
            let bot = state.telegram.bots.get_mut(merchant)?;
            if bot.webhook.url.is_empty() {
                return None;
            }
            let updates = bot.lanes.get_mut(lane)?;
            while updates.front().is_some_and(|update| update.expires < now) {
                updates.pop_front();
            }
            let Some(update) = updates.front() else {
                bot.lanes.remove(lane);
                return None;
            };
            (update.not_before <= now).then(|| (update.clone(), bot.webhook.clone()))
        })
    }

    async fn post_update(&self, webhook: &Webhook, update: &Update) -> Heard {
        let mut body = json!({"update_id": update.id});
        if let Some(fields) = body.as_object_mut() {
            fields.insert(update.kind.clone(), update.body.clone());
        }
        let mut request = self.0.telegram_http.post(&webhook.url).json(&body);
        if let Some(secret) = &webhook.secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        match request.send().await {
            Err(error) => Heard {
                status: None,
                error: if error.is_timeout() {
                    "Read timeout expired".to_owned()
                } else if error.is_connect() {
                    "Connection refused".to_owned()
                } else {
                    "Webhook connection closed".to_owned()
                },
                kind: None,
                body: Vec::new(),
            },
            Ok(response) => {
                let status = response.status();
                let reason = StatusCode::canonical_reason(&status).unwrap_or_default();
                let kind = response.headers().get(header::CONTENT_TYPE);
                let kind = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
                Heard {
                    error: format!(
                        "Wrong response from the webhook: {} {reason}",
                        status.as_u16()
                    ),
                    status: Some(status.as_u16()),
                    kind,
                    body: response.bytes().await.map(Into::into).unwrap_or_default(),
                }
            }
        }
    }

    fn execute_reply(&self, shop: &Shop, heard: &Heard) {
        let Some(params) = api::parse(heard.kind.as_deref(), &heard.body) else {
            return;
        };
        let Some(method) = params.get("method").and_then(Value::as_str) else {
            return;
        };
        let name = method.to_ascii_lowercase();
        if name.starts_with("get") || NOT_IN_A_REPLY.contains(&name.as_str()) {
            return;
        }
        // The bot never learns whether it worked.
        if api::execute(self, shop, method, &params).is_err() {
            tracing::warn!(method, "a call in a webhook's reply was refused");
        }
    }

    fn heard(&self, merchant: &str, lane: &str, id: i64, heard: &Heard) {
        if let Some(status) = locked(&self.0.waiting).get_mut(&id) {
            *status = heard.status;
        }
        let now = self.0.clock.now_millis();
        self.0.store.change(|state| {
            let Some(bot) = state.telegram.bots.get_mut(merchant) else {
                return;
            };
            if !heard.well() {
                bot.last_error = Some((now / 1000, heard.error.clone()));
            }
            let Some(updates) = bot.lanes.get_mut(lane) else {
                return;
            };
            if heard.well() {
                updates.retain(|update| update.id != id);
                if updates.is_empty() {
                    bot.lanes.remove(lane);
                }
            } else if let Some(update) = updates.front_mut().filter(|update| update.id == id) {
                let delay = 1_i64 << update.attempts.min(6);
                update.not_before = now + delay.min(60) * 1000;
                update.attempts += 1;
            }
        });
    }
}
