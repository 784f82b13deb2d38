//! News of money for a bill: what they say, and whether they are still wanted.

use jiff::Timestamp;
use pesan_adapters::dynamodb::Surroundings;
use pesan_domain::billing::BillId;
use pesan_domain::dialogue::Reply;
use pesan_domain::ids::OrderId;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::DropReason;
use pesan_domain::message::text::{Action, Button, Call, Html, LinkPath, Paid, Template};
use pesan_domain::payment::Notice;
use pesan_domain::subscriber::Subscriber;
use pesan_domain::texts::{bill_in_review, bill_reversed, escaped};

use super::bill;
use super::letter::NotWritten;
use crate::{App, links};

/// Why news of a bill's payment are not wanted any more.
pub(super) fn gone(order: &OrderId, notice: Notice, around: &Surroundings) -> Option<DropReason> {
    let known = subscriber(order, around).and(around.bill_payment(order));
    known.map_or(Some(DropReason::CalledOff), |payment| {
        notice.gone(payment.state)
    })
}

/// Whose bill it is.
pub(super) fn subscriber<'a>(order: &OrderId, around: &'a Surroundings) -> Option<&'a Subscriber> {
    around.debtor(order.bill()?)
}

/// News of a payment, as they are written.
pub(super) struct Told<'a> {
    pub app: &'a App,
    pub around: &'a Surroundings,
    pub merchant: &'a Merchant,
    pub order: &'a OrderId,
    pub bill: &'a BillId,
    /// When the money moved.
    pub moved_at: Timestamp,
}

impl Told<'_> {
    /// The registered template that says that money has arrived.
    pub async fn receipt(&self) -> Result<Call, NotWritten> {
        let path = self.path().await?;
        let template = self.template(&path)?;
        Ok(template.call(self.language()?))
    }

    /// The news for the merchant's bot.
    pub async fn reply(&self, notice: Notice) -> Result<Reply, NotWritten> {
        let path = self.path().await?;
        let language = self.language()?;
        let period = self.bill.period().in_words(language);
        let base = &self.app.public_base_url;
        let html = match notice {
            Notice::Receipt => self.template(&path)?.html(language, base),
            Notice::Reversed => linked(bill_reversed(&period, language), base, &path, language),
            Notice::Review => linked(bill_in_review(&period, language), base, &path, language),
        };
        Ok(bill::reply(html, !links::is_loopback(base)))
    }

    async fn path(&self) -> Result<String, NotWritten> {
        Ok(links::bill_path(self.app, &self.merchant.id, self.bill).await?)
    }

    fn subscriber(&self) -> Result<&Subscriber, NotWritten> {
        subscriber(self.order, self.around).ok_or(NotWritten::Nothing)
    }

    fn language(&self) -> Result<Language, NotWritten> {
        Ok(self.subscriber()?.language)
    }

    fn template(&self, path: &str) -> Result<Template, NotWritten> {
        let payment = self.around.bill_payment(self.order);
        Ok(Template::Receipt {
            name: self.subscriber()?.name.clone(),
            shop: self.merchant.name.clone(),
            amount: payment.ok_or(NotWritten::Nothing)?.amount,
            paid: Paid::Bill(self.bill.period().first_day()),
            at: self.moved_at,
            zone: self.merchant.zone,
            link: LinkPath::parse(path).map_err(|_| NotWritten::Nothing)?,
        })
    }
}

/// A text with the way to the bill's page.
fn linked(text: String, base: &str, path: &str, language: Language) -> Html {
    let url = format!("{base}/{path}");
    Html {
        text: format!("{text}\n{}", escaped(&url)),
        buttons: vec![Button {
            label: language.pick("Lihat tagihan", "See the bill"),
            action: Action::Open(url),
        }],
    }
}
