//! Message templates: what Meta refuses when one is made, and what it refuses when one is sent.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview>

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Refusal;

const MOST_BODY: usize = 1024;
const MOST_FOOTER: usize = 60;
const MOST_LABEL: usize = 25;
const MOST_BUTTONS: usize = 10;
/// Where an authentication template's button leads.
const CODE_URL: &str = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Template {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) language: String,
    /// UTILITY, MARKETING or AUTHENTICATION.
    pub(super) category: String,
    pub(super) status: String,
    pub(super) quality: String,
    pub(super) named: bool,
    pub(super) header: Option<String>,
    pub(super) body: String,
    pub(super) footer: Option<String>,
    pub(super) buttons: Vec<Key>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) text: String,
    /// None: a quick reply.
    pub(super) url: Option<String>,
}

impl Template {
    pub(super) fn is_authentication(&self) -> bool {
        self.category == "AUTHENTICATION"
    }

    /// The components as the list shows them.
    pub(super) fn components(&self) -> Value {
        let part = |kind: &str, text: &str| json!({"type": kind, "text": text});
        let mut parts = Vec::new();
        if let Some(header) = &self.header {
            parts.push(json!({"type": "HEADER", "format": "TEXT", "text": header}));
        }
        parts.push(part("BODY", &self.body));
        if let Some(footer) = &self.footer {
            parts.push(part("FOOTER", footer));
        }
        if !self.buttons.is_empty() {
            let buttons: Vec<Value> = self.buttons.iter().map(Key::json).collect();
            parts.push(json!({"type": "BUTTONS", "buttons": buttons}));
        }
        Value::Array(parts)
    }
}

impl Key {
    fn json(&self) -> Value {
        match &self.url {
            None => json!({"type": "QUICK_REPLY", "text": self.text}),
            Some(url) => json!({"type": "URL", "text": self.text, "url": url}),
        }
    }
}

/// The names between double braces, in order.
pub(super) fn variables(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        found.push(name.trim());
        rest = after;
    }
    found
}

/// Puts the values in, once: braces in a value stay braces.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        filled.push_str(before);
        filled.push_str(&value(name.trim()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn invalid(details: impl Into<String>) -> Refusal {
    Refusal::new(100, details)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A request's template. Its review is yet to come.
pub(super) fn read(body: &Value) -> Result<Template, Refusal> {
    let name = text(body, "name");
    let grammar = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=512).contains(&name.len()) || !name.bytes().all(grammar) {
        return Err(invalid("name: 1 to 512 of a-z, 0-9 and _"));
    }
    let category = text(body, "category").to_ascii_uppercase();
    if !["UTILITY", "MARKETING", "AUTHENTICATION"].contains(&category.as_str()) {
        return Err(invalid(
            "category: one of UTILITY, MARKETING, AUTHENTICATION",
        ));
    }
    let mut template = Template {
        id: 0,
        name: name.to_owned(),
        language: language(text(body, "language"))?,
        category,
        status: "PENDING".to_owned(),
        quality: "UNKNOWN".to_owned(),
        named: text(body, "parameter_format").eq_ignore_ascii_case("named"),
        header: None,
        body: String::new(),
        footer: None,
        buttons: Vec::new(),
    };
    let components = body.get("components").and_then(Value::as_array);
    for component in components.ok_or_else(|| invalid("components: a list"))? {
        template.add(component)?;
    }
    if template.body.is_empty() {
        return Err(invalid("components: one BODY"));
    }
    Ok(template)
}

/// `id`, `en_US`
fn language(code: &str) -> Result<String, Refusal> {
    let (speech, country) = match code.split_once('_') {
        None => (code, None),
        Some((speech, country)) => (speech, Some(country)),
    };
    let lower = speech.len() == 2 && speech.bytes().all(|byte| byte.is_ascii_lowercase());
    let upper = country.is_none_or(|country| {
        country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    if lower && upper {
        Ok(code.to_owned())
    } else {
        Err(invalid(format!("language: {code} is not supported")))
    }
}

impl Template {
    fn add(&mut self, component: &Value) -> Result<(), Refusal> {
        match text(component, "type").to_ascii_uppercase().as_str() {
            "HEADER" => self.add_header(component),
            "BODY" if self.is_authentication() => self.add_code_body(component),
            "BODY" => self.add_body(component),
            "FOOTER" => self.add_footer(component),
            "BUTTONS" => self.add_buttons(component),
            other => Err(invalid(format!("components: type {other} is unknown"))),
        }
    }

    fn add_header(&mut self, component: &Value) -> Result<(), Refusal> {
        let header = text(component, "text");
        let is_text = text(component, "format").eq_ignore_ascii_case("text");
        if !is_text || self.is_authentication() || !(1..=60).contains(&header.chars().count()) {
            return Err(invalid("header: a TEXT of 1 to 60 characters"));
        }
        if variables(header).len() > 1 {
            return Err(invalid("header: one variable at most"));
        }
        self.header = Some(header.to_owned());
        Ok(())
    }

    fn add_body(&mut self, component: &Value) -> Result<(), Refusal> {
        let body = text(component, "text");
        if !(1..=MOST_BODY).contains(&body.chars().count()) {
            return Err(invalid("body: 1 to 1024 characters"));
        }
        let names = variables(body);
        self.check_names(&names)?;
        let trimmed = body.trim();
        if !names.is_empty() && (trimmed.starts_with("{{") || trimmed.ends_with("}}")) {
            let details = "Variables can't be at the start or end of the template.";
            return Err(invalid(details).with_subcode(2_388_299));
        }
        // Meta does not tell the ratio that it allows; fewer words than variables never pass.
        let words = fill(body, |_| String::new()).split_whitespace().count();
        if words < names.len() {
            let details = "This template contains too many variables for its length.";
            return Err(invalid(details).with_subcode(2_388_293));
        }
        if examples(component, self.named) != names.len() {
            return Err(invalid("body: one example for each variable"));
        }
        self.body = body.to_owned();
        Ok(())
    }

    fn check_names(&self, names: &[&str]) -> Result<(), Refusal> {
        let grammar = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let good = names.iter().zip(1..).all(|(name, number)| {
            if self.named {
                !name.is_empty() && name.bytes().all(grammar)
            } else {
                name.parse() == Ok(number)
            }
        });
        if good {
            Ok(())
        } else {
            Err(invalid(
                "body: variables are {{1}}, {{2}}… in order, or names",
            ))
        }
    }

    /// Meta's own words, whatever was sent.
    fn add_code_body(&mut self, component: &Value) -> Result<(), Refusal> {
        if component.get("text").is_some() {
            return Err(invalid(
                "body: an authentication template has no text of its own",
            ));
        }
        let warns = component.get("add_security_recommendation") == Some(&json!(true));
        let indonesian = self.language.starts_with("id");
        let (body, warning) = if indonesian {
            (
                "*{{1}}* adalah kode verifikasi Anda.",
                " Demi keamanan, jangan bagikan kode ini.",
            )
        } else {
            (
                "*{{1}}* is your verification code.",
                " For your security, do not share this code.",
            )
        };
        self.body = body.to_owned();
        if warns {
            self.body.push_str(warning);
        }
        Ok(())
    }

    fn add_footer(&mut self, component: &Value) -> Result<(), Refusal> {
        let footer = if self.is_authentication() {
            let minutes = component.get("code_expiration_minutes");
            let minutes = minutes.and_then(Value::as_u64);
            let minutes = minutes
                .filter(|minutes| (1..=90).contains(minutes))
                .ok_or_else(|| invalid("footer: code_expiration_minutes, 1 to 90"))?;
            if self.language.starts_with("id") {
                format!("Kode ini kedaluwarsa dalam {minutes} menit.")
            } else {
                format!("This code expires in {minutes} minutes.")
            }
        } else {
            text(component, "text").to_owned()
        };
        if !(1..=MOST_FOOTER).contains(&footer.chars().count()) || !variables(&footer).is_empty() {
            return Err(invalid("footer: 1 to 60 characters and no variable"));
        }
        self.footer = Some(footer);
        Ok(())
    }

    fn add_buttons(&mut self, component: &Value) -> Result<(), Refusal> {
        let buttons = component.get("buttons").and_then(Value::as_array);
        let buttons = buttons
            .filter(|buttons| (1..=MOST_BUTTONS).contains(&buttons.len()))
            .ok_or_else(|| invalid("buttons: 1 to 10"))?;
        for button in buttons {
            let key = self.key(button)?;
            self.buttons.push(key);
        }
        Ok(())
    }

    fn key(&self, button: &Value) -> Result<Key, Refusal> {
        let label = text(button, "text");
        if !(1..=MOST_LABEL).contains(&label.chars().count()) {
            return Err(invalid("button: a text of 1 to 25 characters"));
        }
        let kind = text(button, "type").to_ascii_uppercase();
        let url = match (self.is_authentication(), kind.as_str()) {
            (true, "OTP") if text(button, "otp_type").eq_ignore_ascii_case("copy_code") => {
                Some(CODE_URL.to_owned())
            }
            (false, "QUICK_REPLY") => None,
            (false, "URL") => Some(address(button)?),
            _ => return Err(invalid(format!("button: type {kind} does not fit here"))),
        };
        Ok(Key {
            text: label.to_owned(),
            url,
        })
    }
}

/// A link, with one variable at its end at most.
fn address(button: &Value) -> Result<String, Refusal> {
    let url = text(button, "url");
    let names = variables(url);
    let good = match names.as_slice() {
        [] => true,
        ["1"] => url.ends_with("}}"),
        _ => false,
    };
    let whole = fill(url, |_| "x".to_owned());
    if !good || url.len() > 2000 || reqwest::Url::parse(&whole).is_err() {
        return Err(invalid("button: a URL, with {{1}} at its end at most"));
    }
    let example = button.get("example").and_then(Value::as_array);
    if !names.is_empty() && example.is_none_or(Vec::is_empty) {
        return Err(invalid("button: a URL's variable needs an example"));
    }
    Ok(url.to_owned())
}

fn examples(component: &Value, named: bool) -> usize {
    let at = if named {
        "/example/body_text_named_params"
    } else {
        "/example/body_text/0"
    };
    component
        .pointer(at)
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}
