//! What a send call says, as the phone shows it.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages>

use std::collections::HashMap;

use serde_json::Value;

use super::error::Refusal;
use super::template::{Key, Template, fill, variables};
use super::{Button, Does};

const MOST_CODE: usize = 15;

/// A message's content.
pub(super) struct Content {
    pub(super) template: Option<String>,
    /// As the price names it.
    pub(super) category: String,
    pub(super) text: String,
    pub(super) buttons: Vec<Button>,
}

impl Content {
    fn service(text: String, buttons: Vec<Button>) -> Self {
        Self {
            template: None,
            category: "service".to_owned(),
            text,
            buttons,
        }
    }
}

fn invalid(details: impl Into<String>) -> Refusal {
    Refusal::new(131_009, details)
}

fn missing(details: impl Into<String>) -> Refusal {
    Refusal::new(131_008, details)
}

fn field<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

/// Between one and so many characters.
fn sized<'a>(value: &'a Value, pointer: &str, most: usize) -> Result<&'a str, Refusal> {
    let text = field(value, pointer);
    match text.chars().count() {
        0 => Err(missing(format!("Parameter {pointer} is required"))),
        count if count > most => Err(invalid(format!("Parameter {pointer}: at most {most}"))),
        _ => Ok(text),
    }
}

/// Parts of a message in the order in which the phone shows them.
fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

pub(super) fn text(message: &Value) -> Result<Content, Refusal> {
    let body = sized(message, "/text/body", 4096)?;
    Ok(Content::service(body.to_owned(), Vec::new()))
}

pub(super) fn interactive(message: &Value) -> Result<Content, Refusal> {
    let Some(interactive) = message.get("interactive") else {
        return Err(missing("Parameter interactive is required"));
    };
    let (most, buttons) = match field(interactive, "/type") {
        "button" => (1024, replies(interactive)?),
        "list" => (4096, rows(interactive)?),
        "cta_url" => (1024, vec![link(interactive)?]),
        other => return Err(invalid(format!("interactive: type {other} is unknown"))),
    };
    for part in ["/header/text", "/footer/text"] {
        if field(interactive, part).chars().count() > 60 {
            return Err(invalid(format!("interactive{part}: at most 60")));
        }
    }
    let body = sized(interactive, "/body/text", most)?;
    let text = joined([
        field(interactive, "/header/text"),
        body,
        field(interactive, "/footer/text"),
    ]);
    Ok(Content::service(text, buttons))
}

fn replies(interactive: &Value) -> Result<Vec<Button>, Refusal> {
    let mut buttons: Vec<Button> = Vec::new();
    for button in list(interactive, "/action/buttons") {
        let text = sized(button, "/reply/title", 20)?.to_owned();
        let id = sized(button, "/reply/id", 256)?.to_owned();
        let does = Does::Reply(id);
        if buttons
            .iter()
            .any(|other| other.text == text || other.does == does)
        {
            return Err(invalid("interactive: titles and ids of buttons are unique"));
        }
        buttons.push(Button {
            text,
            description: None,
            does,
        });
    }
    match buttons.len() {
        1..=3 => Ok(buttons),
        _ => Err(invalid("interactive: 1 to 3 buttons")),
    }
}

fn rows(interactive: &Value) -> Result<Vec<Button>, Refusal> {
    sized(interactive, "/action/button", 20)?;
    let sections = list(interactive, "/action/sections");
    let mut buttons = Vec::new();
    for section in sections {
        if field(section, "/title").chars().count() > 24 {
            return Err(invalid("interactive: a section's title has at most 24"));
        }
        for row in list(section, "/rows") {
            let description = field(row, "/description");
            if description.chars().count() > 72 {
                return Err(invalid("interactive: a row's description has at most 72"));
            }
            buttons.push(Button {
                text: sized(row, "/title", 24)?.to_owned(),
                description: (!description.is_empty()).then(|| description.to_owned()),
                does: Does::Row(sized(row, "/id", 200)?.to_owned()),
            });
        }
    }
    match (sections.len(), buttons.len()) {
        (1..=10, 1..=10) => Ok(buttons),
        _ => Err(invalid(
            "interactive: 1 to 10 sections, 1 to 10 rows in all",
        )),
    }
}

fn link(interactive: &Value) -> Result<Button, Refusal> {
    let url = sized(interactive, "/action/parameters/url", 2000)?;
    Ok(Button {
        text: sized(interactive, "/action/parameters/display_text", 20)?.to_owned(),
        description: None,
        does: Does::Url(url.to_owned()),
    })
}

/// The account's template of the name and language that the message wants, if it may be sent.
pub(super) fn wanted<'a>(
    templates: &'a [Template],
    message: &Value,
) -> Result<&'a Template, Refusal> {
    let name = field(message, "/template/name");
    let language = field(message, "/template/language/code");
    if name.is_empty() || language.is_empty() {
        return Err(missing(
            "Parameters template name and language code are required",
        ));
    }
    let same = |template: &&Template| template.name == name && template.language == language;
    let nothing = || {
        let details = format!("template name ({name}) does not exist in {language}");
        Refusal::new(132_001, details)
    };
    let template = templates.iter().find(same).ok_or_else(nothing)?;
    match template.status.as_str() {
        "APPROVED" => Ok(template),
        "PAUSED" => Err(Refusal::new(
            132_015,
            "Template is paused due to low quality.",
        )),
        "DISABLED" => Err(Refusal::new(
            132_016,
            "Template has been paused too many times due to low quality.",
        )),
        _ => Err(nothing()),
    }
}

pub(super) fn templated(template: &Template, message: &Value) -> Result<Content, Refusal> {
    let components = list(message, "/template/components");
    let header = part(template, components, "header", template.header.as_deref())?;
    let body = part(template, components, "body", Some(&template.body))?;
    if body.chars().count() > 1024 {
        let details = "The body is longer than 1024 characters with its parameters.";
        return Err(Refusal::new(132_005, details));
    }
    let buttons = keys(template, components)?;
    if template.is_authentication() {
        check_code(template, components)?;
    }
    let footer = template.footer.as_deref().unwrap_or_default();
    Ok(Content {
        template: Some(template.name.clone()),
        category: template.category.to_ascii_lowercase(),
        text: joined([&header, &body, footer]),
        buttons,
    })
}

fn component<'a>(components: &'a [Value], kind: &str) -> Option<&'a Value> {
    let same = |component: &&Value| field(component, "/type").eq_ignore_ascii_case(kind);
    components.iter().find(same)
}

/// A header's or a body's text with its parameters.
fn part(
    template: &Template,
    components: &[Value],
    kind: &str,
    text: Option<&str>,
) -> Result<String, Refusal> {
    let text = text.unwrap_or_default();
    let names = variables(text);
    let given = component(components, kind);
    let given = given.map(|component| list(component, "/parameters"));
    let given = given.unwrap_or_default();
    if given.len() != names.len() {
        return Err(Refusal::new(
            132_000,
            format!(
                "{kind}: number of localizable_params ({}) does not match the expected number of \
                 params ({})",
                given.len(),
                names.len()
            ),
        ));
    }
    let mut values = HashMap::new();
    for (parameter, place) in given.iter().zip(&names) {
        let name = match (template.named, field(parameter, "/parameter_name")) {
            (false, "") => *place,
            (true, name) if names.contains(&name) => name,
            _ => {
                let details = format!("{kind}: parameter names do not match the template's");
                return Err(Refusal::new(132_012, details));
            }
        };
        values.insert(name, value(parameter, kind)?);
    }
    if values.len() != names.len() {
        let details = format!("{kind}: a parameter is given twice");
        return Err(Refusal::new(132_012, details));
    }
    Ok(fill(text, |name| {
        let value = values.get(name).copied();
        value.unwrap_or_default().to_owned()
    }))
}

fn value<'a>(parameter: &'a Value, whose: &str) -> Result<&'a str, Refusal> {
    if field(parameter, "/type") != "text" {
        let details = format!("{whose}: component params type mismatch: expected TEXT");
        return Err(Refusal::new(132_012, details));
    }
    let text = field(parameter, "/text");
    if text.is_empty() {
        return Err(missing(format!("{whose}: a parameter's text is empty")));
    }
    if text.contains(['\n', '\t']) || text.contains("     ") {
        let details = "Param text cannot have new-line/tab characters or more than 4 consecutive \
                       spaces";
        return Err(Refusal::new(132_018, details));
    }
    Ok(text)
}

/// A button's component, by its index: a string in Meta's pages, a number in some clients.
fn key_component(components: &[Value], index: usize) -> Option<&Value> {
    let index = index.to_string();
    components.iter().find(|component| {
        let given = component.get("index");
        let given = given.map(|given| given.to_string().trim_matches('"').to_owned());
        field(component, "/type").eq_ignore_ascii_case("button") && given.as_ref() == Some(&index)
    })
}

fn keys(template: &Template, components: &[Value]) -> Result<Vec<Button>, Refusal> {
    let given = components
        .iter()
        .filter(|component| field(component, "/type").eq_ignore_ascii_case("button"));
    let mut found = 0;
    let mut buttons = Vec::new();
    for (index, key) in template.buttons.iter().enumerate() {
        let component = key_component(components, index);
        found += usize::from(component.is_some());
        buttons.push(pressed(template, key, index, component)?);
    }
    if given.count() == found {
        Ok(buttons)
    } else {
        Err(invalid(
            "button: a component fits no button of the template",
        ))
    }
}

fn pressed(
    template: &Template,
    key: &Key,
    index: usize,
    component: Option<&Value>,
) -> Result<Button, Refusal> {
    let kind = if key.url.is_some() {
        "url"
    } else {
        "quick_reply"
    };
    if component.is_some_and(|component| field(component, "/sub_type") != kind) {
        let details = format!("button: index {index} is of sub_type {kind}");
        return Err(invalid(details));
    }
    let given = component.map(|component| list(component, "/parameters"));
    let given = given.unwrap_or_default();
    let does = match &key.url {
        None => {
            let payload = given.first().map(|given| field(given, "/payload"));
            Does::Payload(payload.unwrap_or(&key.text).to_owned())
        }
        Some(url) => target(template, url, index, given)?,
    };
    Ok(Button {
        text: key.text.clone(),
        description: None,
        does,
    })
}

fn target(template: &Template, url: &str, index: usize, given: &[Value]) -> Result<Does, Refusal> {
    match (variables(url).as_slice(), given) {
        ([], []) => Ok(Does::Url(url.to_owned())),
        ([_], [parameter]) => {
            let value = value(parameter, "button")?;
            if template.is_authentication() {
                return Ok(Does::Code(value.to_owned()));
            }
            Ok(Does::Url(fill(url, |_| value.to_owned())))
        }
        ([_], []) => Err(missing(format!(
            "buttons: Button at index {index} of type Url requires a parameter"
        ))),
        _ => {
            let details = format!("buttons: Button at index {index} has too many parameters");
            Err(Refusal::new(132_000, details))
        }
    }
}

/// The code stands twice, in the body and on the button.
fn check_code(template: &Template, components: &[Value]) -> Result<(), Refusal> {
    let code = |component: Option<&Value>| {
        let code = component.map(|component| field(component, "/parameters/0/text"));
        code.unwrap_or_default().to_owned()
    };
    let body = code(component(components, "body"));
    if body.chars().count() > MOST_CODE {
        let details = "The code has at most 15 characters.";
        return Err(Refusal::new(132_018, details));
    }
    let differs = |index| code(key_component(components, index)) != body;
    if (0..template.buttons.len()).any(differs) {
        let details = "The code on the button is not the body's.";
        return Err(Refusal::new(132_018, details));
    }
    Ok(())
}
