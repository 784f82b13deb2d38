//! The templates to register with Meta keep Meta's rules
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview>).

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Every template by its file's name, `monthly_bill.id`.
fn templates() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/whatsapp-templates");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect()
}

fn component<'a>(template: &'a Value, kind: &str) -> Option<&'a Value> {
    let components = template["components"].as_array().unwrap();
    let mut found = components
        .iter()
        .filter(|component| component["type"] == kind);
    let first = found.next();
    assert!(found.next().is_none(), "two of {kind}");
    first
}

fn blanks(text: &str) -> Vec<&str> {
    let parts = text.split("{{").skip(1);
    parts.map(|part| part.split_once("}}").unwrap().0).collect()
}

fn length(text: &Value) -> usize {
    text.as_str().unwrap().chars().count()
}

#[test]
fn every_template_is_there_in_both_languages_and_named_by_its_file() {
    let templates = templates();
    assert_eq!(templates.len(), 14);
    for (file, template) in &templates {
        let name = template["name"].as_str().unwrap();
        let language = template["language"].as_str().unwrap();
        assert_eq!(*file, format!("{name}.{language}"));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(plain) && name.len() <= 512, "{name}");
        let other = if language == "id" { "en" } else { "id" };
        let other = &templates[&format!("{name}.{other}")];
        assert_eq!(template["category"], other["category"], "{name}");
        let shape = |one: &Value| {
            let body = component(one, "body").unwrap()["text"]
                .as_str()
                .map(blanks)
                .map(|all| all.len());
            let buttons = component(one, "buttons").unwrap()["buttons"]
                .as_array()
                .unwrap();
            let types: Vec<String> = buttons.iter().map(|one| one["type"].to_string()).collect();
            (body, types, component(one, "footer").is_some())
        };
        assert_eq!(shape(template), shape(other), "{name}");
    }
}

#[test]
fn blanks_are_counted_from_one_each_with_an_example_and_none_at_the_edge() {
    for (file, template) in templates() {
        let body = component(&template, "body").unwrap();
        let Some(text) = body["text"].as_str() else {
            assert_eq!(template["category"], "authentication", "{file}");
            continue;
        };
        let found = blanks(text);
        let expected: Vec<String> = (1..=found.len()).map(|place| place.to_string()).collect();
        assert_eq!(found, expected, "{file}");
        let examples = body["example"]["body_text"][0].as_array().unwrap();
        assert_eq!(examples.len(), found.len(), "{file}");
        assert!(examples.iter().all(|example| length(example) > 0), "{file}");
        assert!(!text.starts_with("{{") && !text.ends_with("}}"), "{file}");
        for between in text
            .split("}}")
            .skip(1)
            .filter_map(|part| part.split_once("{{"))
        {
            assert!(
                between.0.contains(char::is_alphabetic),
                "{file}: two blanks side by side"
            );
        }
        let words = text.split_whitespace().count();
        assert!(
            words >= found.len() * 3,
            "{file}: too many blanks for its words"
        );
        assert!(length(&body["text"]) <= 1024, "{file}");
    }
}

#[test]
fn footers_and_buttons_are_short_and_links_lead_to_one_domain() {
    for (file, template) in templates() {
        if let Some(text) = component(&template, "footer")
            .map(|footer| &footer["text"])
            .filter(|text| text.is_string())
        {
            assert!(
                length(text) <= 60 && !text.as_str().unwrap().contains("{{"),
                "{file}"
            );
        }
        let buttons = component(&template, "buttons").unwrap()["buttons"]
            .as_array()
            .unwrap();
        assert!((1..=10).contains(&buttons.len()), "{file}");
        for button in buttons {
            assert!(length(&button["text"]) <= 25, "{file}");
            match button["type"].as_str().unwrap() {
                "url" => {
                    assert_eq!(button["url"], "https://pesan.example.id/{{1}}", "{file}");
                    let example = button["example"][0].as_str().unwrap();
                    assert!(example.starts_with("https://pesan.example.id/"), "{file}");
                    assert!(!example.contains("{{"), "{file}");
                }
                "otp" => assert_eq!(button["otp_type"], "copy_code", "{file}"),
                other => assert_eq!(other, "quick_reply", "{file}"),
            }
        }
    }
}

#[test]
fn who_gets_bills_is_told_how_to_stop_and_a_code_says_how_long_it_lives() {
    let templates = templates();
    for name in [
        "monthly_bill",
        "payment_reminder",
        "payment_receipt",
        "repair_status",
    ] {
        for language in ["id", "en"] {
            let footer = component(&templates[&format!("{name}.{language}")], "footer").unwrap();
            assert!(footer["text"].as_str().unwrap().contains("STOP"), "{name}");
        }
    }
    for language in ["id", "en"] {
        let code = &templates[&format!("one_time_code.{language}")];
        assert_eq!(code["category"], "authentication");
        let minutes = component(code, "footer").unwrap()["code_expiration_minutes"].as_u64();
        assert_eq!(minutes, Some(10));
        assert_eq!(code["message_send_ttl_seconds"], 600);
    }
}
