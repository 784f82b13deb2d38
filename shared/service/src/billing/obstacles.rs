//! What keeps a merchant's bills from leaving over WhatsApp.

use pesan_adapters::dynamodb::Pause;
use pesan_domain::billing::Track;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::{Activation, NotActive};
use pesan_domain::message::{Channel, HoldReason, PauseReason, Purpose, quiet, text};

use super::BillingError;
use crate::App;

/// Something that keeps messages from leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The merchant's WhatsApp is not active.
    NotActive(Activation),
    /// Meta refuses everything until somebody has seen to it.
    Stopped(PauseReason),
    /// Meta has not approved the template, or has paused it.
    Template,
    /// The balance does not pay for the next message.
    Balance,
    /// It is night.
    Night,
}

impl Obstacle {
    /// The name it is published under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotActive(_) => "not-active",
            Self::Stopped(_) => "stopped",
            Self::Template => "template",
            Self::Balance => "balance",
            Self::Night => "night",
        }
    }

    /// The same as a person reads it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        match self {
            Self::NotActive(activation) => NotActive(activation).in_words(language),
            Self::Stopped(reason) => reason.in_words(language),
            Self::Template => HoldReason::Template.in_words(language),
            Self::Balance => HoldReason::Balance.in_words(language),
            Self::Night => HoldReason::QuietHours.in_words(language),
        }
    }
}

/// What is in the way of a track's messages now, what somebody must see to first.
pub(super) async fn obstacles(
    app: &App,
    merchant: &Merchant,
    track: Track,
) -> Result<Vec<Obstacle>, BillingError> {
    let (kind, purpose) = match track {
        Track::Bill => (text::Kind::Bill, Purpose::Bill),
        Track::Reminder(_) => (text::Kind::Reminder, Purpose::Reminder),
    };
    let store = &app.store;
    let pause = store.pause(&merchant.id, Channel::WhatsApp).await?;
    let account = store.account(merchant).await?;
    let mut can_be_sent = true;
    for language in [Language::Indonesian, Language::English] {
        let template = store.template(&merchant.id, kind, language).await?;
        can_be_sent &= template.is_some_and(|template| template.can_be_sent());
    }
    let mut found = Vec::new();
    let activation = merchant.whatsapp_activation();
    if activation.check().is_err() {
        found.push(Obstacle::NotActive(activation));
    }
    if let Some(Pause::Stopped(reason)) = pause {
        found.push(Obstacle::Stopped(reason));
    }
    if !can_be_sent {
        found.push(Obstacle::Template);
    }
    let messaging = &merchant.messaging;
    let price = messaging.prices.of(purpose.category());
    if account
        .balance
        .available
        .saturating_sub(messaging.protected)
        < price
    {
        found.push(Obstacle::Balance);
    }
    let now = app.clock.now();
    if quiet::next_allowed(merchant.zone, now) > now {
        found.push(Obstacle::Night);
    }
    Ok(found)
}
