//! The two merchants of DESIGN section 7 and the subscribers of one, made through the same code as an operator's.

use std::io::Cursor;

use anyhow::{Context as _, ensure};
use jiff::SignedDuration;
use jiff::civil::time;
use pesan_adapters::clock::Clock;
use pesan_adapters::secrets::{
    CONTACT_KEY, LINK_KEY, MerchantSecret, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN,
};
use pesan_domain::api_key::{Rate, Scope};
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::catalog::{Item, ItemFields};
use pesan_domain::ids::{MerchantId, PlanId};
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_domain::message::activation::Activation;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::Plan;
use pesan_sandbox::{Sandbox, Shop, WhatsAppAccount, WhatsAppApp};
use pesan_service::api_keys::{self, NewKey, Opener};
use pesan_service::merchants::telegram::WebhookSecret;
use pesan_service::merchants::{self, Import, OperatorError};
use pesan_service::subscribers::RegistryError;
use pesan_service::{App, Config, plans, subscribers, top_up};
use secrecy::SecretString;

use crate::stack::Addresses;

/// What is public about a demo merchant.
struct Demo {
    id: &'static str,
    name: &'static str,
    telegram_token: &'static str,
    midtrans_merchant_id: &'static str,
    /// Ids of its number and business account, and the number.
    whatsapp: [&'static str; 3],
    /// Whether Pesan has the number too.
    is_connected: bool,
    /// Whether anybody pays it each month.
    has_subscribers: bool,
}

const APP_SECRET: &str = "demo-app-secret";
const VERIFY_TOKEN: &str = "demo-verify-token";

const DEMOS: [Demo; 2] = [
    Demo {
        id: "demo",
        name: "Jaya Gadget Servis",
        telegram_token: "1:demo",
        midtrans_merchant_id: "G000000001",
        whatsapp: ["1000001", "2000001", "+62 811-1000-001"],
        is_connected: true,
        has_subscribers: true,
    },
    Demo {
        id: "demo2",
        name: "Sinar Ponsel",
        telegram_token: "2:demo2",
        midtrans_merchant_id: "G000000002",
        whatsapp: ["1000002", "2000002", "+62 811-1000-002"],
        is_connected: false,
        has_subscribers: false,
    },
];

const SUBSCRIBERS: [&str; 25] = [
    "Budi Santoso",
    "Siti Nurhaliza Putri",
    "Agus Wijaya",
    "Dewi Lestari Handayani",
    "Eko Prasetyo",
    "Rina Marlina",
    "Hendra Gunawan",
    "Fitri Amelia",
    "Joko Susilo",
    "Maya Anggraini",
    "Rudi Hartono Saputra",
    "Nur Aisyah",
    "I Made Suardana",
    "Ni Luh Ayu Pertiwi",
    "Yohanes Tandiono",
    "Maria Goretti Simbolon",
    "Togar Sihombing",
    "Asep Sunandar",
    "Lilis Suryani",
    "Bambang Sutrisno",
    "Ratna Dewi Kusuma",
    "Andi Mappatunru",
    "Cut Nadia Zahra",
    "Yusuf Maulana Ibrahim",
    "Slamet Riyadi",
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
    for (parameter, secret) in [
        (LINK_KEY, "demo-link-key-of-the-local-stack"),
        (CONTACT_KEY, "demo-contact-key-of-the-local-stack"),
        (WHATSAPP_APP_SECRET, APP_SECRET),
        (WHATSAPP_VERIFY_TOKEN, VERIFY_TOKEN),
    ] {
        let secret = SecretString::from(secret);
        app.parameters.create(parameter, &secret).await?;
    }
    for demo in DEMOS {
        let made = make(&app, sandbox, &demo, &addresses.base_url).await;
        made.with_context(|| format!("the merchant {} is not made", demo.id))?;
    }
    // Meta's news of the templates just made would be told twice.
    while sandbox.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    sandbox.set_whatsapp_app(WhatsAppApp {
        app_secret: APP_SECRET.to_owned(),
        webhook_url: merchants::whatsapp::webhook_url(&app),
        verify_token: VERIFY_TOKEN.to_owned(),
    });
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
        whatsapp: Some(whatsapp(demo)),
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
    if api_keys::list(app, &id).await?.is_empty() {
        let all = NewKey {
            name: "local stack".to_owned(),
            scopes: Scope::ALL.into_iter().collect(),
            rate: Rate::USUAL,
        };
        let key = Opener::Given(SecretString::from(format!("pk_{id}_local")));
        api_keys::add(app, &id, all, key).await?;
    }
    let unconnected = merchants::find(app, &id).await?.0.whatsapp.is_none();
    if demo.is_connected && unconnected {
        connect(app, &id, &whatsapp(demo)).await?;
    }
    if demo.is_connected {
        top_up::receive(app, &id, "100", "first balance").await?;
    }
    if demo.has_subscribers {
        subscribe(app, &id).await?;
    }
    Ok(())
}

/// Gives a merchant its plan and, with it for the first time, its subscribers: a demo's owner may
/// have changed them since.
async fn subscribe(app: &App, id: &MerchantId) -> anyhow::Result<()> {
    let plan = Plan::new(PlanId::parse("dasar")?, "Paket Dasar", Rupiah::new(150_000));
    match plans::add(app, id, &plan).await {
        Ok(()) => {}
        Err(RegistryError::PlanExists(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let import = subscribers::import::Import {
        dry_run: false,
        skip_refused: false,
        made_at: app
            .clock
            .now()
            .checked_sub(SignedDuration::from_hours(62 * 24))?,
        most_rows: None,
    };
    let file = Cursor::new(subscriber_file());
    let (mut report, mut watch) = (|_: &_| Ok(()), |_| {});
    let done = subscribers::import::import(app, id, file, import, &mut report, &mut watch);
    let summary = Box::pin(done).await?;
    ensure!(summary.is_written, "a demo's subscriber is refused");
    Ok(())
}

/// As a merchant would write it in Excel.
fn subscriber_file() -> String {
    let mut file = "kode;nama;nomor_whatsapp;paket\r\n".to_owned();
    for (nth, name) in (1..).zip(SUBSCRIBERS) {
        file.push_str(&format!(
            "plg-{nth:03};{name};'+628120000010{nth:02};dasar\r\n"
        ));
    }
    file
}

async fn connect(app: &App, id: &MerchantId, account: &WhatsAppAccount) -> anyhow::Result<()> {
    let (number, waba) = (&account.phone_number_id, &account.waba_id);
    let token = SecretString::from(account.access_token.clone());
    merchants::whatsapp::connect(app, id, number, waba, Some(token)).await?;
    merchants::whatsapp::push(app, id).await?;
    merchants::whatsapp::set_activation(app, id, Activation::Active).await?;
    Ok(())
}

fn whatsapp(demo: &Demo) -> WhatsAppAccount {
    let [phone_number_id, waba_id, display_phone_number] = demo.whatsapp.map(str::to_owned);
    WhatsAppAccount {
        merchant: demo.id.to_owned(),
        phone_number_id,
        display_phone_number,
        waba_id,
        access_token: format!("{}-whatsapp-token", demo.id),
    }
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
