//! A registered template with arguments that somebody gives, rather than such as Pesan makes of
//! what it knows.

use std::fmt;

use super::argument::line;
use super::{Action, Call, Kind, LinkPath};
use crate::field::FieldRefused;
use crate::language::Language;

/// A registered template with what stands in its blanks. That is personal: its `Debug` shows the
/// template only.
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments {
    kind: Kind,
    language: Language,
    body: Vec<String>,
    link: Option<LinkPath>,
}

/// The most characters of an argument; a body with all of them stays below Meta's 1,024.
const LONGEST: usize = 120;

/// Names of the blanks, for those whose argument is refused.
const BLANKS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

impl Arguments {
    /// Takes the arguments of a template: one for each blank of its text, and the path of the page
    /// that its button opens, where it has such a button. Surrounding blanks are taken off.
    ///
    /// # Errors
    /// [`FieldRefused`] names the blank by its number, or `link`.
    pub fn new(
        kind: Kind,
        language: Language,
        body: &[String],
        link: Option<&str>,
    ) -> Result<Self, FieldRefused> {
        let wanted = Self::blanks(kind, language);
        let taken = BLANKS.iter().take(wanted).zip(0_usize..);
        let body = taken
            .map(|(field, place)| argument(field, body.get(place), body.len(), wanted))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            kind,
            language,
            body,
            link: Self::page(kind, language, link)?,
        })
    }

    /// How many blanks a template's text has.
    #[must_use]
    pub fn blanks(kind: Kind, language: Language) -> usize {
        kind.wording(language).matches("{{").count()
    }

    fn page(
        kind: Kind,
        language: Language,
        link: Option<&str>,
    ) -> Result<Option<LinkPath>, FieldRefused> {
        let link = link.map(str::trim).filter(|link| !link.is_empty());
        match (kind.link_label(language), link) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(FieldRefused::new("link", "this template opens no page")),
            (Some(_), None) => Err(FieldRefused::new(
                "link",
                "is empty: the path of the page that the button opens, such as m/toko",
            )),
            (Some(_), Some(link)) => LinkPath::parse(link).map(Some).map_err(|_| {
                let reason = "not the path of a page below the base URL, such as m/toko";
                FieldRefused::new("link", reason)
            }),
        }
    }

    /// Which template.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// In which language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// What stands in the blanks, in order.
    #[must_use]
    pub fn body(&self) -> &[String] {
        &self.body
    }

    /// The page that the button opens.
    #[must_use]
    pub fn link(&self) -> Option<&LinkPath> {
        self.link.as_ref()
    }

    /// The call of its WhatsApp template.
    #[must_use]
    pub fn call(&self) -> Call {
        let open = |link: &LinkPath| Action::Open(link.as_str().to_owned());
        Call {
            name: self.kind.name(),
            language: self.language.pick("id", "en"),
            category: self.kind.purpose().category(),
            body: self.body.clone(),
            buttons: self.link.iter().map(open).collect(),
        }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({})", self.kind.name())
    }
}

fn argument(
    field: &'static str,
    given: Option<&String>,
    count: usize,
    wanted: usize,
) -> Result<String, FieldRefused> {
    let text = given.map(|text| text.trim()).unwrap_or_default();
    if text.is_empty() {
        let reason = if count < wanted {
            format!("is missing: the template has {wanted} blanks, {count} are given")
        } else {
            "is empty".to_owned()
        };
        return Err(FieldRefused::new(field, reason));
    }
    if text.chars().count() > LONGEST {
        let reason = format!("is longer than {LONGEST} characters");
        return Err(FieldRefused::new(field, reason));
    }
    if line(text, LONGEST) != text {
        let reason = "holds a line break, several spaces in a row or a control character";
        return Err(FieldRefused::new(field, reason));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(body: &[&str], link: Option<&str>) -> Result<Arguments, FieldRefused> {
        let body: Vec<String> = body.iter().map(ToString::to_string).collect();
        Arguments::new(Kind::LowBalance, Language::Indonesian, &body, link)
    }

    #[test]
    fn each_blank_takes_one_line_and_is_named_when_it_does_not() {
        let taken = given(&["Toko", "Rp10.000", " 27 "], Some("m/toko")).unwrap();
        let call = taken.call();
        assert_eq!(call.body, ["Toko", "Rp10.000", "27"]);
        assert_eq!(call.buttons.len(), 1);
        assert_eq!(format!("{taken:?}"), "Arguments(low_balance)");
        let long = "x".repeat(121);
        for (body, link, field) in [
            (vec!["Toko", "Rp10.000"], Some("m/toko"), "3"),
            (vec!["Toko", " ", "27"], Some("m/toko"), "2"),
            (vec!["To\nko", "Rp10.000", "27"], Some("m/toko"), "1"),
            (vec![&long, "Rp10.000", "27"], Some("m/toko"), "1"),
            (vec!["Toko", "Rp10.000", "27"], None, "link"),
            (vec!["Toko", "Rp10.000", "27"], Some("https://x.id"), "link"),
        ] {
            assert_eq!(given(&body, link).unwrap_err().field, field, "{body:?}");
        }
        let code = [String::from("123456")];
        let none = Arguments::new(Kind::Otp, Language::English, &code, Some("m/x"));
        assert_eq!(none.unwrap_err().field, "link");
    }
}
