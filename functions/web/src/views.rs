//! What each page shows of what is stored.

mod bill;

use pesan_domain::calendar::{date_in_words, time_in_words};
use pesan_domain::catalog::Catalog;
use pesan_domain::ids::ItemId;
use pesan_domain::language::Language;
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment};
use pesan_domain::reservation::ReservationState;
use pesan_domain::texts::{payment_in_words, repair_in_words};
use pesan_service::orders::OrderView;
use pesan_service::{App, Shop};

pub(crate) use bill::{bill, bill_used_up};

use crate::pages::{CatalogGroup, CatalogPage, CatalogRow, DeviceCard, OrderPage, ShopPage, Snap};

/// Where Snap.js is (<https://docs.midtrans.com/reference/snap-js>).
const SNAP_JS_SANDBOX: &str = "https://app.sandbox.midtrans.com/snap/snap.js";
const SNAP_JS_PRODUCTION: &str = "https://app.midtrans.com/snap/snap.js";

pub(crate) fn shop(app: &App, shop: &Shop, language: Language) -> ShopPage {
    let merchant = &shop.merchant;
    let catalog = shop.catalog.clone().unwrap_or_default();
    ShopPage {
        english: language == Language::English,
        name: merchant.name.clone(),
        about: about(merchant, language).to_owned(),
        zone: merchant.zone.abbreviation().to_owned(),
        hours: merchant
            .slots
            .iter()
            .map(|slot| slot.label(merchant.zone))
            .collect(),
        bot_link: bot_link(app, merchant, None),
        catalog_path: catalog_path(merchant),
        devices: cards(&catalog),
    }
}

/// What the shop says of itself, in the other language where it says nothing in this one.
fn about(merchant: &Merchant, language: Language) -> &str {
    let (indonesian, english) = (&merchant.about_id, &merchant.about_en);
    let (own, other) = language.pick((indonesian, english), (english, indonesian));
    if own.is_empty() { other } else { own }
}

fn cards(catalog: &Catalog) -> Vec<DeviceCard> {
    let devices = catalog.devices();
    devices
        .into_iter()
        .filter_map(|(id, name)| {
            let parts = catalog.parts_of(&id);
            let from = parts.iter().map(|item| item.price).min()?;
            Some(DeviceCard {
                name,
                parts: parts.len(),
                from_price: from.to_string(),
            })
        })
        .collect()
}

pub(crate) fn catalog(app: &App, shop: &Shop, language: Language) -> CatalogPage {
    let merchant = &shop.merchant;
    let catalog = shop.catalog.clone().unwrap_or_default();
    let rows = |device: &pesan_domain::ids::DeviceId| {
        catalog
            .parts_of(device)
            .into_iter()
            .map(|item| CatalogRow {
                part: item.part.clone(),
                price: item.price.to_string(),
                link: bot_link(app, merchant, Some(&item.id)),
            })
            .collect()
    };
    CatalogPage {
        english: language == Language::English,
        name: merchant.name.clone(),
        shop_path: shop_path(merchant),
        groups: catalog
            .devices()
            .into_iter()
            .map(|(id, device)| CatalogGroup {
                rows: rows(&id),
                device,
            })
            .collect(),
        bot_link: bot_link(app, merchant, None),
    }
}

pub(crate) fn order(app: &App, view: &OrderView, token: &str, language: Language) -> OrderPage {
    let now = app.clock.now();
    let OrderView { merchant, order } = view;
    let (reservation, payment) = (&order.reservation, &order.payment);
    let repair = reservation.state_at(now);
    let payable = order.is_payable(now);
    let until = reservation.held_until.to_zoned(merchant.zone.tz());
    let held = repair == ReservationState::Held && payable;
    OrderPage {
        english: language == Language::English,
        order_id: payment.order_id.as_str().to_owned(),
        total_number: payment.amount.get(),
        total: payment.amount.to_string(),
        payment_state: payment.state.name(),
        payment_words: payment_in_words(payment.state, language).to_owned(),
        repair_state: repair.name(),
        repair_words: repair_in_words(repair, language).to_owned(),
        date_words: date_in_words(reservation.date, language),
        time_words: reservation.slot.label(merchant.zone),
        device: reservation.device.clone(),
        part: reservation.part.clone(),
        shop_name: merchant.name.clone(),
        shop_path: shop_path(merchant),
        hold_until_words: held.then(|| time_in_words(until.time(), merchant.zone)),
        payable,
        pay_path: format!("/o/{token}/pay"),
        snap: snap(app, merchant).filter(|_| payable),
        notice: None,
    }
}

/// Midtrans' popup, where the merchant has an account.
fn snap(app: &App, merchant: &Merchant) -> Option<Snap> {
    let account = merchant.midtrans.as_ref()?;
    Some(Snap {
        js_url: snap_js(app, account),
        client_key: account.client_key.clone(),
    })
}

fn snap_js(app: &App, account: &MidtransAccount) -> String {
    app.snap_js_url.clone().unwrap_or_else(|| {
        match account.environment {
            MidtransEnvironment::Sandbox => SNAP_JS_SANDBOX,
            MidtransEnvironment::Production => SNAP_JS_PRODUCTION,
        }
        .to_owned()
    })
}

/// The origin of a Snap.js that is not Midtrans' own.
pub(crate) fn snap_origin(app: &App) -> Option<String> {
    let url = app.snap_js_url.as_deref()?;
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    Some(format!("{scheme}://{host}"))
}

fn shop_path(merchant: &Merchant) -> String {
    format!("/m/{}", merchant.id)
}

fn catalog_path(merchant: &Merchant) -> String {
    format!("/m/{}/catalog", merchant.id)
}

/// The bot's deep link (<https://core.telegram.org/bots/features#deep-linking>), where there is a
/// bot.
fn bot_link(app: &App, merchant: &Merchant, item: Option<&ItemId>) -> Option<String> {
    let bot = merchant.bot_username.as_ref()?;
    let start = item.map_or_else(String::new, |item| format!("?start=i_{item}"));
    Some(format!("{}/{bot}{start}", app.telegram_link_url))
}
