//! A template as WhatsApp is called with it, and as Telegram shows it.

use super::argument::{line, moment, month};
use super::wording::{Kind, approve, reject};
use super::{LinkPath, Paid, Template};
use crate::calendar::date_in_words;
use crate::language::Language;
use crate::message::Category;
use crate::texts::{escaped, repair_in_words};

/// The most characters of a name.
const NAME: usize = 60;
/// The most characters of what an approval is about.
const SUBJECT: usize = 120;

/// A call of a registered template, in Meta's terms. Its arguments are personal, so it has no
/// `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The template's registered name.
    pub name: &'static str,
    /// Meta's code of the language.
    pub language: &'static str,
    /// What it is priced by.
    pub category: Category,
    /// The body's arguments, in order.
    pub body: Vec<String>,
    /// The buttons that take an argument; the place in the list is the button's index.
    pub buttons: Vec<Action>,
}

/// What a button does.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Opens a page: for WhatsApp the end of the registered link, for Telegram all of it.
    Open(String),
    /// Sends this back.
    Reply(String),
    /// Copies this.
    Copy(String),
}

/// A button with its label.
#[derive(Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: &'static str,
    /// What it does.
    pub action: Action,
}

/// A text for Telegram (`parse_mode: HTML`), every argument escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Html {
    /// The text; the link stands in it too, as Telegram refuses some links on buttons.
    pub text: String,
    /// One button a row.
    pub buttons: Vec<Button>,
}

/// An argument, and how Telegram sets it.
struct Blank {
    text: String,
    tag: Option<&'static str>,
}

fn plain(text: String) -> Blank {
    Blank { text, tag: None }
}

fn bold(text: String) -> Blank {
    Blank {
        text,
        tag: Some("b"),
    }
}

impl Template {
    /// The call of its WhatsApp template.
    #[must_use]
    pub fn call(&self, language: Language) -> Call {
        let kind = self.kind();
        Call {
            name: kind.name(),
            language: language.pick("id", "en"),
            category: kind.purpose().category(),
            body: self
                .blanks(language)
                .into_iter()
                .map(|blank| blank.text)
                .collect(),
            buttons: self.actions(""),
        }
    }

    /// The same for Telegram. `base` is the public base URL, without the last slash.
    #[must_use]
    pub fn html(&self, language: Language, base: &str) -> Html {
        let mut text = fill(self.kind().wording(language), &self.blanks(language));
        let actions = self.actions(&format!("{base}/"));
        for action in &actions {
            if let Action::Open(url) = action {
                text.push_str("\n\n");
                text.push_str(&escaped(url));
            }
        }
        let labels = labels(self.kind(), language).into_iter();
        let buttons = labels
            .zip(actions)
            .map(|(label, action)| Button { label, action });
        Html {
            text,
            buttons: buttons.collect(),
        }
    }

    fn blanks(&self, language: Language) -> Vec<Blank> {
        let name = |text: &String| plain(line(text, NAME));
        match self {
            Self::Bill {
                name: who,
                shop,
                period,
                amount,
                due,
                ..
            }
            | Self::Reminder {
                name: who,
                shop,
                period,
                amount,
                due,
                ..
            } => vec![
                name(who),
                plain(month(*period, language)),
                name(shop),
                bold(amount.to_string()),
                bold(date_in_words(*due, language)),
            ],
            Self::Receipt {
                name: who,
                shop,
                amount,
                paid,
                at,
                zone,
                ..
            } => vec![
                name(who),
                name(shop),
                bold(amount.to_string()),
                plain(paid.in_words(language)),
                plain(moment(*at, *zone, language)),
            ],
            Self::Otp { code } => vec![Blank {
                text: code.expose().to_owned(),
                tag: Some("code"),
            }],
            Self::Approval {
                name: who,
                requester,
                subject,
                shop,
                until,
                zone,
                ..
            } => vec![
                name(who),
                name(requester),
                bold(line(subject, SUBJECT)),
                name(shop),
                bold(moment(*until, *zone, language)),
            ],
            Self::RepairStatus {
                name: who,
                device,
                code,
                shop,
                status,
                ..
            } => vec![
                name(who),
                name(device),
                plain(code.to_string()),
                name(shop),
                bold(repair_in_words(*status, language).to_owned()),
            ],
            Self::LowBalance {
                shop,
                available,
                messages,
                ..
            } => vec![
                name(shop),
                bold(available.to_string()),
                plain(messages.to_string()),
            ],
        }
    }

    fn actions(&self, base: &str) -> Vec<Action> {
        let open = |link: &LinkPath| Action::Open(format!("{base}{}", link.as_str()));
        match self {
            Self::Bill { link, .. }
            | Self::Reminder { link, .. }
            | Self::Receipt { link, .. }
            | Self::RepairStatus { link, .. }
            | Self::LowBalance { link, .. } => vec![open(link)],
            Self::Otp { code } => vec![Action::Copy(code.expose().to_owned())],
            Self::Approval {
                link,
                approve,
                reject,
                ..
            } => vec![
                Action::Reply(approve.clone()),
                Action::Reply(reject.clone()),
                open(link),
            ],
        }
    }
}

impl Paid {
    fn in_words(&self, language: Language) -> String {
        match self {
            Self::Booking(code) => format!("{} {code}", language.pick("pesanan", "booking")),
            Self::Bill(date) => {
                let month = month(*date, language);
                language.pick(format!("tagihan {month}"), format!("the {month} bill"))
            }
            Self::TopUp => language.pick("isi saldo", "a top-up").to_owned(),
        }
    }
}

/// The labels of a kind's buttons, in the order of its actions.
pub(super) fn labels(kind: Kind, language: Language) -> Vec<&'static str> {
    let own = match kind {
        Kind::Approval => vec![approve(language), reject(language)],
        Kind::Otp => vec![language.pick("Salin Kode", "Copy code")],
        Kind::Bill | Kind::Reminder | Kind::Receipt | Kind::RepairStatus | Kind::LowBalance => {
            vec![]
        }
    };
    own.into_iter().chain(kind.link_label(language)).collect()
}

/// Fills the blanks in one pass: a blank in an argument is only text.
fn fill(wording: &str, blanks: &[Blank]) -> String {
    let mut text = String::new();
    for part in wording.split("{{") {
        let Some((number, rest)) = part.split_once("}}") else {
            text.push_str(part);
            continue;
        };
        let place = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let Some(blank) = place.and_then(|place| blanks.get(place)) {
            let (open, close) = tags(blank.tag);
            text.extend([open.as_str(), &escaped(&blank.text), close.as_str()]);
        }
        text.push_str(rest);
    }
    text
}

fn tags(tag: Option<&str>) -> (String, String) {
    tag.map(|tag| (format!("<{tag}>"), format!("</{tag}>")))
        .unwrap_or_default()
}
