//! `template.yaml` is the wiring: the stack follows it, or refuses by name. What it must say for the
//! deployment's sake is held by the rules beside its reader (`infra/local/src/template/rules`).

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::{Path, PathBuf};

use pesan_tests::{Setup, Stack, TELEGRAM_SECRET, TELEGRAM_SECRET_HEADER, run_to_end};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

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

/// The value of a parameter, as an operator's command line asks for it.
async fn parameter(stack: &Stack, name: &str) -> String {
    let answer: Value = stack
        .request(Method::POST, "/sandbox/ssm")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .json(&json!({"Name": name}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let value = answer.pointer("/Parameter/Value").unwrap();
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_operators_command_line_finds_the_deployment() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(&Setup {
        template: Some(bent(&folder, "/table-name", "/the-table")),
        ..Setup::default()
    });
    let deployment = "/pesan/local/deployment";
    let table = parameter(&stack, &format!("{deployment}/the-table")).await;
    assert_eq!(table, "pesan");
    let base_url = parameter(&stack, &format!("{deployment}/public-base-url")).await;
    assert_eq!(base_url, stack.base_url());
}

#[test]
fn a_parameter_that_cannot_be_resolved_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = bent(&folder, "${ParameterPrefix}/deployment/t", "${Stage}/t");
    let (code, _, complaint) = run_to_end(&[
        "--ephemeral",
        "--port",
        "0",
        "--dynamodb-port",
        "0",
        "--template",
        path.to_str().unwrap(),
    ]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("TableNameParameter"), "{complaint}");
}
