//! The two merchants of DESIGN section 7, made through the same code as an operator's.

use anyhow::Context as _;
use jiff::civil::time;
use pesan_adapters::clock::Clock;
use pesan_adapters::secrets::{LINK_KEY, MerchantSecret};
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::catalog::{Item, ItemFields};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_sandbox::{Sandbox, Shop};
use pesan_service::merchants::telegram::WebhookSecret;
use pesan_service::merchants::{self, Import, OperatorError};
use pesan_service::{App, Config};
use secrecy::SecretString;

use crate::stack::Addresses;

/// What is public about a demo merchant.
struct Demo {
    id: &'static str,
    name: &'static str,
    telegram_token: &'static str,
    midtrans_merchant_id: &'static str,
}

const DEMOS: [Demo; 2] = [
    Demo {
        id: "demo",
        name: "Jaya Gadget Servis",
        telegram_token: "1:demo",
        midtrans_merchant_id: "G000000001",
    },
    Demo {
        id: "demo2",
        name: "Sinar Ponsel",
        telegram_token: "2:demo2",
        midtrans_merchant_id: "G000000002",
    },
];

const DEVICES: [(&str, &str); 12] = [
    ("iPhone 6", "250000"),
    ("iPhone 6s", "275000"),
    ("iPhone 7", "300000"),
    ("iPhone 7 Plus", "350000"),
    ("iPhone 8", "350000"),
    ("iPhone 8 Plus", "400000"),
    ("iPhone X", "550000"),
    ("iPhone XR", "600000"),
    ("iPhone XS", "650000"),
    ("iPhone 11", "700000"),
    ("iPhone 12", "900000"),
    ("iPhone 13", "1100000"),
];

/// Makes what is not there yet, and tells the vendors where to send to.
pub async fn seed(addresses: &Addresses, sandbox: &Sandbox, clock: Clock) -> anyhow::Result<()> {
    let variables = addresses.variables("");
    let app = App::new(&Config::read(|name| variables.get(name).cloned())?, clock)?;
    let key = SecretString::from("demo-link-key-of-the-local-stack");
    app.parameters.create(LINK_KEY, &key).await?;
    for demo in DEMOS {
        let made = make(&app, sandbox, &demo, &addresses.base_url).await;
        made.with_context(|| format!("the merchant {} is not made", demo.id))?;
    }
    Ok(())
}

async fn make(app: &App, sandbox: &Sandbox, demo: &Demo, base_url: &str) -> anyhow::Result<()> {
    let account = account(demo);
    let id = MerchantId::parse(demo.id)?;
    let server_key = format!("SB-Mid-server-{id}");
    sandbox.register(Shop {
        merchant: demo.id.to_owned(),
        bot_username: format!("{id}_bot"),
        bot_token: demo.telegram_token.to_owned(),
        midtrans_merchant_id: account.merchant_id.clone(),
        server_key: server_key.clone(),
        client_key: account.client_key.clone(),
        notification_url: format!("{base_url}/midtrans/{id}"),
    });
    match merchants::add(app, &merchant(demo, id.clone())?).await {
        Ok(()) | Err(OperatorError::Exists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let (there, items) = merchants::find(app, &id).await?;
    if items.items().is_empty() {
        merchants::import_catalog(app, &id, &catalog()?, Import::default()).await?;
    }
    if there.midtrans.is_none() {
        let key = SecretString::from(server_key);
        merchants::midtrans::connect(app, &id, &account, Some(key)).await?;
    }
    let token = merchants::stored(app, &MerchantSecret::TelegramToken.name(&id))
        .await?
        .is_none()
        .then(|| SecretString::from(demo.telegram_token));
    let webhook_secret = MerchantSecret::TelegramWebhookSecret.name(&id);
    let secret = if merchants::stored(app, &webhook_secret).await?.is_none() {
        WebhookSecret::Given(SecretString::from(format!("{id}-telegram-secret")))
    } else {
        WebhookSecret::Kept
    };
    merchants::telegram::set_webhook(app, &id, token, secret).await?;
    Ok(())
}

fn account(demo: &Demo) -> MidtransAccount {
    MidtransAccount {
        merchant_id: demo.midtrans_merchant_id.to_owned(),
        client_key: format!("SB-Mid-client-{}", demo.id),
        environment: MidtransEnvironment::Sandbox,
    }
}

fn merchant(demo: &Demo, id: MerchantId) -> anyhow::Result<Merchant> {
    let slot = |start, end| SlotTime {
        start: time(start, 0, 0, 0),
        end: time(end, 0, 0, 0),
    };
    Ok(Merchant {
        about_id: "Servis iPhone di tempat: LCD, baterai, kamera, dan sensor sidik jari. \
                   Pilih jadwal, bayar dari ponsel, tunggu sambil minum kopi."
            .to_owned(),
        about_en: "iPhone repairs while you wait: screens, batteries, cameras and fingerprint \
                   sensors. Choose a time, pay from your phone, have a coffee."
            .to_owned(),
        slots: Slots::new(vec![slot(9, 11), slot(12, 14), slot(15, 17), slot(18, 20)])?,
        ..Merchant::new(id, demo.name, Zone::Jakarta)
    })
}

fn catalog() -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for (device, screen) in DEVICES {
        for (part, price, minutes) in [
            ("LCD", screen, "90"),
            ("Battery", "70000", "45"),
            ("Finger", "120000", "60"),
            ("Back Camera", "180000", "60"),
            ("Screen Guard", "35000", "15"),
        ] {
            items.push(Item::read(&ItemFields {
                device,
                part,
                price,
                minutes,
                ..ItemFields::default()
            })?);
        }
    }
    Ok(items)
}
