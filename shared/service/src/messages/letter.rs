//! What a message says, made the moment it is sent.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{MessageRecord, Subject, Surroundings, To};
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::dialogue::{Reply, news};
use pesan_domain::ids::OrderId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::Channel;
use pesan_domain::message::consent;
use pesan_domain::message::text::{Call, LinkPath, Paid, Template};
use pesan_domain::payment::Notice;
use pesan_domain::whatsapp::Phone;
use secrecy::SecretString;

use super::bill;
use super::bill_money::Told;
use crate::{App, Failure, links};

/// A message that is ready to be handed to its vendor.
pub(super) enum Letter {
    /// By the merchant's bot.
    Telegram {
        token: SecretString,
        chat: i64,
        reply: Reply,
    },
    /// From the merchant's number.
    WhatsApp {
        token: SecretString,
        /// The number's id.
        number: String,
        phone: Phone,
        words: Words,
    },
}

/// What WhatsApp is given.
pub(super) enum Words {
    Template(Call),
    Text(String),
}

/// Why nothing could be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWritten {
    /// What it is about, or the way it would go, is not there: trying again changes nothing.
    #[error("nothing to write about")]
    Nothing,
    /// A secret is missing or cannot be read.
    #[error(transparent)]
    Later(#[from] Failure),
}

/// Makes the text of things as they are now.
pub(super) async fn write(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> Result<Letter, NotWritten> {
    let merchant = around.merchant.as_ref().ok_or(NotWritten::Nothing)?;
    match (&record.to, record.message.channel) {
        (To::Chat(chat), Channel::Telegram) => Ok(Letter::Telegram {
            token: app
                .secret(&merchant.id, MerchantSecret::TelegramToken)
                .await?,
            chat: *chat,
            reply: reply(app, record, around, merchant, now).await?,
        }),
        (To::Phone { phone, .. }, Channel::WhatsApp) => {
            let account = merchant.whatsapp.as_ref().ok_or(NotWritten::Nothing)?;
            Ok(Letter::WhatsApp {
                token: app
                    .secret(&merchant.id, MerchantSecret::WhatsAppToken)
                    .await?,
                number: account.phone_number_id.clone(),
                phone: phone.clone(),
                words: words(app, record, around, merchant).await?,
            })
        }
        (To::Chat(_), Channel::WhatsApp) | (To::Phone { .. }, Channel::Telegram) => {
            Err(NotWritten::Nothing)
        }
    }
}

async fn reply(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    merchant: &Merchant,
    now: Timestamp,
) -> Result<Reply, NotWritten> {
    match &record.subject {
        Subject::Payment {
            order,
            notice,
            moved_at,
        } => {
            if let Some(told) = of_bill(app, around, merchant, order, *moved_at) {
                return told.reply(*notice).await;
            }
            let order = around.order(order).ok_or(NotWritten::Nothing)?;
            let links = links::order_links(app, &merchant.id, &order.reservation.code).await?;
            Ok(news(order, *notice, merchant, &links, now))
        }
        Subject::Bill { bill, track } => {
            let (template, language) = bill::template(app, around, merchant, bill, *track).await?;
            let html = template.html(language, &app.public_base_url);
            Ok(bill::reply(html, !links::is_loopback(&app.public_base_url)))
        }
        Subject::Keyword { .. } | Subject::Template(_) => Err(NotWritten::Nothing),
    }
}

async fn words(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    merchant: &Merchant,
) -> Result<Words, NotWritten> {
    match &record.subject {
        // WhatsApp's receipt says that money has arrived, and nothing else.
        Subject::Payment { notice, .. } if *notice != Notice::Receipt => Err(NotWritten::Nothing),
        Subject::Payment {
            order, moved_at, ..
        } => {
            let call = match of_bill(app, around, merchant, order, *moved_at) {
                Some(told) => told.receipt().await?,
                None => receipt(app, around, merchant, order, *moved_at).await?,
            };
            Ok(Words::Template(call))
        }
        Subject::Bill { bill, track } => {
            let (template, language) = bill::template(app, around, merchant, bill, *track).await?;
            Ok(Words::Template(template.call(language)))
        }
        Subject::Keyword { keyword, language } => Ok(Words::Text(consent::answer(
            *keyword,
            &merchant.name,
            *language,
        ))),
        Subject::Template(arguments) => Ok(Words::Template(arguments.call())),
    }
}

/// News of money for a bill; none of a booking's.
fn of_bill<'a>(
    app: &'a App,
    around: &'a Surroundings,
    merchant: &'a Merchant,
    order: &'a OrderId,
    moved_at: Timestamp,
) -> Option<Told<'a>> {
    Some(Told {
        app,
        around,
        merchant,
        order,
        bill: order.bill()?,
        moved_at,
    })
}

async fn receipt(
    app: &App,
    around: &Surroundings,
    merchant: &Merchant,
    id: &OrderId,
    at: Timestamp,
) -> Result<Call, NotWritten> {
    let order = around.order(id).ok_or(NotWritten::Nothing)?;
    let reservation = &order.reservation;
    let path = links::order_path(app, &merchant.id, &reservation.code).await?;
    let template = Template::Receipt {
        name: reservation.customer_name.clone(),
        shop: merchant.name.clone(),
        amount: order.payment.amount,
        paid: Paid::Booking(reservation.code.clone()),
        at,
        zone: merchant.zone,
        link: LinkPath::parse(&path).map_err(|_| NotWritten::Nothing)?,
    };
    Ok(template.call(reservation.language))
}
