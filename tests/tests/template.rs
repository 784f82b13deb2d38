//! `template.yaml` is the wiring: the stack follows it, or refuses by name. And it grants no more
//! than it must.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::{Path, PathBuf};

use pesan_tests::{Setup, Stack, TELEGRAM_SECRET, TELEGRAM_SECRET_HEADER, run_to_end};
use reqwest::{Method, StatusCode};
use serde_json::json;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn template() -> String {
    std::fs::read_to_string(project().join("template.yaml")).unwrap()
}

/// A copy of the template with one text in another's place.
fn bent(folder: &tempfile::TempDir, from: &str, to: &str) -> PathBuf {
    let text = template();
    assert!(text.contains(from), "the template no longer says {from}");
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    path
}

#[tokio::test]
async fn a_renamed_path_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(&Setup {
        template: Some(bent(&folder, "/telegram/*", "/bots/*")),
        ..Setup::default()
    });
    let post = |path: &'static str| {
        stack
            .request(Method::POST, path)
            .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
            .json(&json!({"update_id": 1}))
            .send()
    };
    // The old path leads to the pages now, which know no such page; the new one to the bot.
    assert_eq!(
        post("/telegram/demo").await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(post("/bots/demo").await.unwrap().status(), StatusCode::OK);
}

#[test]
fn a_dropped_function_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = template();
    let (before, rest) = text
        .split_once("\n  MidtransNotificationFunction:")
        .unwrap();
    let end = rest.find("\n\n").unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, format!("{before}{}", rest.split_at(end).1)).unwrap();
    let (code, _, complaint) = run_to_end(&["--ephemeral", "--template", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("MidtransNotificationFunction"),
        "{complaint}"
    );
}

#[test]
fn a_function_that_the_stack_does_not_have_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = bent(&folder, "Binary: web", "Binary: weeb");
    let (code, _, complaint) = run_to_end(&["--ephemeral", "--template", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("WebFunction runs weeb"), "{complaint}");
}

#[test]
fn nothing_is_granted_on_everything_and_no_secret_stands_in_it() {
    let text = template();
    for line in text.lines().map(str::trim) {
        let grants_all = ["Resource: '*'", "Resource: \"*\"", "Resource: *", "- '*'"]
            .iter()
            .any(|all| line.starts_with(all));
        assert!(!grants_all, "{line}");
    }
    for secret in ["SB-Mid-", "Mid-server", "AKIA", "-----BEGIN"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let count = |line: &str| text.lines().filter(|one| one.trim() == line).count();
    assert_eq!(count("AuthType: NONE"), 3);
    assert_eq!(count("Runtime: provided.al2023"), 1);
    assert_eq!(text.matches("dynamodb:LeadingKeys: [").count(), 4);
}
