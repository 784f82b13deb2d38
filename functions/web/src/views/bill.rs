//! What a bill's page shows.

use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::billing::{Bill, BillOrder, BillState, Instalment, Source};
use pesan_domain::calendar::date_in_words;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::PaymentState;
use pesan_domain::texts::payment_in_words;
use pesan_service::App;
use pesan_service::billing::BillView;

use super::{shop_path, snap};
use crate::pages::{BillPage, MoneyRow, payment_tone};

pub(crate) fn bill(app: &App, view: &BillView, token: &str, language: Language) -> BillPage {
    let BillView {
        merchant,
        subscriber,
        order,
        ..
    } = view;
    let bill = &order.bill;
    let felt = felt(order);
    let now = app.clock.now();
    let payable = view.is_payable(now);
    let in_part = bill.is_owed() && bill.remaining() != bill.amount();
    let speaker = Speaker { merchant, language };
    BillPage {
        english: language == Language::English,
        order_id: order.order_id().as_str().to_owned(),
        total_number: order.total().get(),
        total: order.total().to_string(),
        total_label: if in_part {
            language.pick("Sisa tagihan", "Still to pay")
        } else {
            "Total"
        },
        payment_state: order.state().name(),
        payment_words: payment_in_words(felt, language),
        tone: payment_tone(felt.name()),
        said: speaker.said(view, now),
        number: bill.id.to_string(),
        period: bill.id.period().in_words(language),
        subscriber_name: subscriber.as_ref().map(|one| one.name.clone()),
        due: date_in_words(bill.due, language),
        lines: bill
            .lines
            .as_slice()
            .iter()
            .map(|line| row(line.text().to_owned(), line.amount()))
            .collect(),
        amount: bill.amount().to_string(),
        money: speaker.money(bill),
        remaining: in_part.then(|| bill.remaining().to_string()),
        shop_name: merchant.name.clone(),
        shop_path: shop_path(merchant),
        payable,
        pay_path: format!("/b/{token}/pay"),
        snap: snap(app, merchant).filter(|_| payable),
        notice: None,
    }
}

/// The bill's page where a click leads no further.
pub(crate) fn bill_used_up(app: &App, view: &BillView, token: &str) -> BillPage {
    let (merchant, language) = (&view.merchant, view.language());
    BillPage {
        said: Some(Speaker { merchant, language }.used_up()),
        payable: false,
        snap: None,
        ..bill(app, view, token, language)
    }
}

fn row(words: String, amount: Rupiah) -> MoneyRow {
    MoneyRow {
        words,
        amount: amount.to_string(),
    }
}

/// How it stands to who reads it: an attempt that was not paid in time is no news to them, as they
/// can still pay.
fn felt(order: &BillOrder) -> PaymentState {
    match (order.bill.state(), order.state()) {
        (BillState::Owed, PaymentState::Expired | PaymentState::Cancelled) => PaymentState::Created,
        (_, state) => state,
    }
}

/// A merchant that speaks to a subscriber.
struct Speaker<'a> {
    merchant: &'a Merchant,
    language: Language,
}

impl Speaker<'_> {
    fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.merchant.zone.tz()).date()
    }

    fn date(&self, at: Timestamp) -> String {
        date_in_words(self.day(at), self.language)
    }

    /// What more there is to say than how it stands.
    fn said(&self, view: &BillView, now: Timestamp) -> Option<String> {
        let bill = &view.order.bill;
        let shop = &self.merchant.name;
        match (view.order.state(), bill.state()) {
            (PaymentState::Review, _) => Some(self.language.pick(
                format!("Uang Anda sudah diterima dan sedang diperiksa {shop}. Anda tidak perlu membayar lagi."),
                format!("Your money has arrived and {shop} is looking into it. There is no need to pay again."),
            )),
            (PaymentState::Challenge, BillState::Owed) => Some(
                self.language
                    .pick(
                        "Bank sedang memeriksa pembayaran kartu Anda. Anda tidak perlu membayar lagi.",
                        "The bank is checking your card payment. There is no need to pay again.",
                    )
                    .to_owned(),
            ),
            (state, BillState::Owed) => self.asked(view, state, now),
            (_, BillState::Paid) => bill.settled_at.map(|at| {
                let date = self.date(at);
                self.language.pick(
                    format!("Lunas pada {date}. Terima kasih!"),
                    format!("Paid on {date}. Thank you!"),
                )
            }),
            (_, BillState::Voided) => Some(self.language.pick(
                format!("Tagihan ini dibatalkan oleh {shop}. Tidak ada yang perlu dibayar."),
                format!("{shop} called this bill off. There is nothing to pay."),
            )),
            (_, BillState::Refunded) => Some(self.language.pick(
                format!("{shop} sudah mengembalikan pembayaran Anda."),
                format!("{shop} has given your payment back."),
            )),
        }
    }

    /// What is said with what is still owed.
    fn asked(&self, view: &BillView, state: PaymentState, now: Timestamp) -> Option<String> {
        let shop = &self.merchant.name;
        if self.merchant.midtrans.is_none() {
            return Some(self.language.pick(
                format!("Pembayaran online belum tersedia. Silakan hubungi {shop}."),
                format!("It cannot be paid online yet. Please ask {shop}."),
            ));
        }
        if !view.is_payable(now) {
            return Some(self.used_up());
        }
        let hint = match state {
            PaymentState::Reversed | PaymentState::ChargedBack => self.language.pick(
                "Bank menarik kembali pembayaran Anda, jadi tagihan ini belum lunas. Silakan bayar lagi.",
                "The bank took your payment back, so this bill is not paid. Please pay again.",
            ),
            PaymentState::Denied => self.language.pick(
                "Bank menolak pembayaran Anda. Coba sekali lagi, atau pilih cara lain.",
                "The bank declined your payment. Try once more, or choose another way.",
            ),
            PaymentState::Created
            | PaymentState::Pending
            | PaymentState::Challenge
            | PaymentState::Paid
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::PartlyRefunded
            | PaymentState::Refunded
            | PaymentState::Review => return self.due(view.order.bill.due, now),
        };
        Some(hint.to_owned())
    }

    /// There is no next attempt at paying.
    fn used_up(&self) -> String {
        let shop = &self.merchant.name;
        self.language.pick(
            format!("Tagihan ini sudah terlalu sering dicoba dibayar online, jadi halaman pembayaran tidak dibuka lagi. Silakan hubungi {shop} untuk membayar dengan cara lain."),
            format!("Paying this bill online was tried too often, so the payment page is not opened any more. Please ask {shop} how to pay another way."),
        )
    }

    /// Before the due day nothing needs to be said.
    fn due(&self, due: Date, now: Timestamp) -> Option<String> {
        let today = self.day(now);
        let text = if today == due {
            self.language.pick(
                "Tagihan ini jatuh tempo hari ini.",
                "This bill is due today.",
            )
        } else if today > due {
            self.language.pick(
                "Tagihan ini sudah lewat jatuh tempo, mungkin terlewat. Bila Anda baru saja membayar, tunggu sebentar: halaman ini segera berubah.",
                "This bill is past its due day; perhaps it was overlooked. If you have just paid, wait a moment: this page will change.",
            )
        } else {
            return None;
        };
        Some(text.to_owned())
    }

    /// What came for a bill and what went back.
    fn money(&self, bill: &Bill) -> Vec<MoneyRow> {
        let came = bill.instalments.iter();
        let came = came.map(|one| row(self.came(one), one.amount));
        let went = bill.given_back.iter().map(|one| {
            let date = self.date(one.at);
            let words = self.language.pick(
                format!("Dikembalikan · {date}"),
                format!("Given back · {date}"),
            );
            row(words, one.amount)
        });
        came.chain(went).collect()
    }

    fn came(&self, one: &Instalment) -> String {
        let way = match &one.source {
            Source::Cash(_) => self.language.pick("Tunai", "Cash"),
            Source::Transfer(_) => self.language.pick("Transfer", "Transfer"),
            Source::Online(_) => self.language.pick("Bayar online", "Paid online"),
        };
        let words = format!("{way} · {}", self.date(one.at));
        let taken = match (&one.struck, one.reversed_at, &one.source) {
            (None, None, _) => return words,
            (None, Some(_), _) => ("ditarik kembali bank", "taken back by the bank"),
            (Some(_), _, Source::Online(_)) => ("dikembalikan", "given back"),
            (Some(_), _, Source::Cash(_) | Source::Transfer(_)) => ("dibatalkan", "struck out"),
        };
        let taken = self.language.pick(taken.0, taken.1);
        format!("{words} ({taken})")
    }
}
