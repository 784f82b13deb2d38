//! The two merchants of DESIGN section 7, made through the same code as an operator's.

use anyhow::Context as _;
use jiff::civil::time;
use pesan_adapters::clock::Clock;
use pesan_adapters::dynamodb::Store;
use pesan_adapters::secrets::{LINK_KEY, MerchantSecret, Parameters};
use pesan_adapters::telegram::Telegram;
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::catalog::Item;
use pesan_domain::ids::{DeviceId, ItemId, MerchantId};
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_domain::money::Rupiah;
use pesan_sandbox::{Sandbox, Shop};
use secrecy::SecretString;

use crate::stack::{Addresses, PARAMETER_PREFIX};

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

const DEVICES: [(&str, u64); 12] = [
    ("iPhone 6", 250_000),
    ("iPhone 6s", 275_000),
    ("iPhone 7", 300_000),
    ("iPhone 7 Plus", 350_000),
    ("iPhone 8", 350_000),
    ("iPhone 8 Plus", 400_000),
    ("iPhone X", 550_000),
    ("iPhone XR", 600_000),
    ("iPhone XS", 650_000),
    ("iPhone 11", 700_000),
    ("iPhone 12", 900_000),
    ("iPhone 13", 1_100_000),
];

/// Makes what is not there yet, and tells the vendors where to send to.
pub async fn seed(addresses: &Addresses, sandbox: &Sandbox, clock: Clock) -> anyhow::Result<()> {
    let http = pesan_adapters::http::client()?;
    let aws = addresses.aws(http.clone());
    let store = Store::new(aws.dynamodb(), "pesan");
    let parameters = Parameters::new(aws.ssm(), PARAMETER_PREFIX, clock);
    let telegram = Telegram::new(http, &addresses.telegram_api_url());
    put_unless_there(&parameters, LINK_KEY, "demo-link-key-of-the-local-stack").await?;
    let there = store.merchants().await?;
    for demo in DEMOS {
        let merchant = merchant(&demo)?;
        if !there.contains(&merchant.id) {
            let catalog = catalog()?;
            pesan_service::merchants::register(&store, &merchant, &catalog).await?;
        }
        let server_key = format!("SB-Mid-server-{}", demo.id);
        let webhook_secret = format!("{}-telegram-secret", demo.id);
        for (secret, value) in [
            (MerchantSecret::TelegramToken, demo.telegram_token),
            (MerchantSecret::TelegramWebhookSecret, &webhook_secret),
            (MerchantSecret::MidtransServerKey, &server_key),
        ] {
            put_unless_there(&parameters, &secret.name(&merchant.id), value).await?;
        }
        sandbox.register(Shop {
            merchant: demo.id.to_owned(),
            bot_username: merchant.bot_username.clone(),
            bot_token: demo.telegram_token.to_owned(),
            midtrans_merchant_id: demo.midtrans_merchant_id.to_owned(),
            server_key,
            client_key: merchant.midtrans.client_key.clone(),
            notification_url: format!("{}/midtrans/{}", addresses.base_url, demo.id),
        });
        telegram
            .set_webhook(
                &SecretString::from(demo.telegram_token),
                &format!("{}/telegram/{}", addresses.base_url, demo.id),
                &SecretString::from(webhook_secret),
            )
            .await
            .context("the bot's webhook is not set")?;
    }
    Ok(())
}

async fn put_unless_there(parameters: &Parameters, name: &str, value: &str) -> anyhow::Result<()> {
    if parameters.get(name).await.is_err() {
        parameters.put(name, &SecretString::from(value)).await?;
    }
    Ok(())
}

fn merchant(demo: &Demo) -> anyhow::Result<Merchant> {
    let slot = |start, end| SlotTime {
        start: time(start, 0, 0, 0),
        end: time(end, 0, 0, 0),
    };
    Ok(Merchant {
        id: MerchantId::parse(demo.id)?,
        name: demo.name.to_owned(),
        about_id: "Servis iPhone di tempat: LCD, baterai, kamera, dan sensor sidik jari. \
                   Pilih jadwal, bayar dari ponsel, tunggu sambil minum kopi."
            .to_owned(),
        about_en: "iPhone repairs while you wait: screens, batteries, cameras and fingerprint \
                   sensors. Choose a time, pay from your phone, have a coffee."
            .to_owned(),
        zone: Zone::Jakarta,
        bot_username: format!("{}_bot", demo.id),
        midtrans: MidtransAccount {
            merchant_id: demo.midtrans_merchant_id.to_owned(),
            client_key: format!("SB-Mid-client-{}", demo.id),
            environment: MidtransEnvironment::Sandbox,
        },
        slots: Slots::new(vec![slot(9, 11), slot(12, 14), slot(15, 17), slot(18, 20)])?,
        seats_per_slot: 1,
        closed_weekdays: vec![],
        closed_dates: vec![],
        horizon_days: 60,
        hold_minutes: 60,
    })
}

fn catalog() -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for (device, screen) in DEVICES {
        let slug = device.to_lowercase().replace(' ', "-");
        for (part, part_slug, price, minutes) in [
            ("LCD", "lcd", screen, 90),
            ("Battery", "battery", 70_000, 45),
            ("Finger", "finger", 120_000, 60),
            ("Back Camera", "back-camera", 180_000, 60),
            ("Screen Guard", "screen-guard", 35_000, 15),
        ] {
            items.push(Item {
                id: ItemId::parse(&format!("{slug}-{part_slug}"))?,
                device: device.to_owned(),
                device_id: DeviceId::parse(&slug)?,
                part: part.to_owned(),
                price: Rupiah::new(price),
                minutes,
                stock: None,
            });
        }
    }
    Ok(items)
}
