//! `parse_mode` HTML, strictly: what the stand-in lets pass, Telegram lets pass.
//! <https://core.telegram.org/bots/api#html-style>

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) text: String,
    pub(super) entities: Vec<Value>,
    /// With each link's target in parentheses.
    pub(super) shown: String,
}

struct Open {
    tag: String,
    kind: &'static str,
    /// In UTF-16 code units.
    start: usize,
    /// In bytes of the text.
    start_byte: usize,
    href: Option<String>,
}

fn kind(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "code" => "code",
        "pre" => "pre",
        "a" => "text_link",
        _ => return None,
    })
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The error stands after "can't parse entities: ".
pub(super) fn parse(source: &str) -> Result<Parsed, String> {
    let mut done = Parsed::default();
    let mut open: Vec<Open> = Vec::new();
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let at = source.len() - rest.len();
        match character {
            '&' => {
                let (decoded, after) = entity(rest)
                    .ok_or_else(|| format!("Unsupported entity at byte offset {at}"))?;
                done.text.push(decoded);
                done.shown.push(decoded);
                rest = after;
            }
            '<' => {
                let (inside, after) = tag_end(rest)
                    .ok_or_else(|| format!("Unclosed start tag at byte offset {at}"))?;
                rest = after;
                match inside.strip_prefix('/') {
                    Some(name) => close(&mut done, open.pop(), name.trim(), at)?,
                    None => open.push(start(&done, inside, at)?),
                }
            }
            other => {
                done.text.push(other);
                done.shown.push(other);
                rest = rest.get(other.len_utf8()..).unwrap_or_default();
            }
        }
    }
    match open.pop() {
        Some(left) => Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            left.tag
        )),
        None => {
            done.entities
                .sort_by_key(|entity| entity.get("offset").and_then(Value::as_u64));
            Ok(done)
        }
    }
}

fn start(done: &Parsed, inside: &str, at: usize) -> Result<Open, String> {
    let name_end = inside
        .find(|character: char| character.is_whitespace())
        .unwrap_or(inside.len());
    let (name, attributes) = inside.split_at(name_end);
    let tag = name.to_ascii_lowercase();
    let kind =
        kind(&tag).ok_or_else(|| format!("Unsupported start tag \"{tag}\" at byte offset {at}"))?;
    Ok(Open {
        kind,
        start: utf16(&done.text),
        start_byte: done.text.len(),
        href: attribute(attributes, "href", at)?,
        tag,
    })
}

fn close(done: &mut Parsed, open: Option<Open>, name: &str, at: usize) -> Result<(), String> {
    let Some(open) = open else {
        return Err(format!("Unexpected end tag at byte offset {at}"));
    };
    // An end tag may leave its name out.
    if !name.is_empty() && !name.eq_ignore_ascii_case(&open.tag) {
        return Err(format!(
            "Unmatched end tag at byte offset {at}, expected \"</{}>\", found \"</{name}>\"",
            open.tag
        ));
    }
    let inside = done.text.get(open.start_byte..).unwrap_or_default();
    if inside.is_empty() {
        return Ok(());
    }
    let mut entity = json!({"type": open.kind, "offset": open.start, "length": utf16(inside)});
    if open.kind == "text_link" {
        let href = open.href.unwrap_or_default();
        if href.is_empty() {
            return Ok(());
        }
        if href != inside {
            done.shown.push_str(&format!(" ({href})"));
        }
        if let Some(fields) = entity.as_object_mut() {
            fields.insert("url".to_owned(), Value::String(href));
        }
    }
    done.entities.push(entity);
    Ok(())
}

/// The tag's inside and what follows it. A `>` between quotes does not end it.
fn tag_end(rest: &str) -> Option<(&str, &str)> {
    let body = rest.strip_prefix('<')?;
    let mut quote = None;
    for (place, character) in body.char_indices() {
        match (quote, character) {
            (None, '>') => return Some((body.get(..place)?, body.get(place + 1..)?)),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

fn attribute(attributes: &str, wanted: &str, at: usize) -> Result<Option<String>, String> {
    let wrong = || format!("Unsupported attribute at byte offset {at}");
    let mut rest = attributes.trim_start();
    let mut found = None;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(wrong)?;
        let after = after.trim_start();
        let (value, next) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after
                .get(1..)
                .and_then(|value| value.split_once(quote))
                .ok_or_else(wrong)?,
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            found = Some(decode(value).ok_or_else(wrong)?);
        }
        rest = next.trim_start();
    }
    Ok(found)
}

fn decode(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = value;
    while let Some(character) = rest.chars().next() {
        if character == '&' {
            // Links with a bare ampersand are common, and accepted.
            let (decoded, after) = entity(rest).or_else(|| Some(('&', rest.get(1..)?)))?;
            text.push(decoded);
            rest = after;
        } else {
            text.push(character);
            rest = rest.get(character.len_utf8()..)?;
        }
    }
    Some(text)
}

/// The four named entities and the numeric ones.
fn entity(rest: &str) -> Option<(char, &str)> {
    let (name, after) = rest.strip_prefix('&')?.split_once(';')?;
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => number(hex, 16)?,
                None => number(digits, 10)?,
            };
            char::from_u32(code).filter(|_| code != 0)?
        }
    };
    Some((character, after))
}
