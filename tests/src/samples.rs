//! The sample events of `tests/events/`, one for each function, and what is answered to them by a
//! stack where nothing has happened yet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The names in a folder without their extensions.
fn names(folder: &str) -> BTreeSet<String> {
    std::fs::read_dir(project().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// Every function's name. Each has a sample, and each sample a function.
pub fn functions() -> BTreeSet<String> {
    let functions = names("functions");
    assert_eq!(functions, names("tests/events"), "functions and samples");
    functions
}

/// Where a function's sample is.
pub fn path(function: &str) -> PathBuf {
    project().join(format!("tests/events/{function}.json"))
}

/// A function's sample.
pub fn event(function: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(function)).unwrap()).unwrap()
}

/// Holds that a function's answer to its sample is the right one.
pub fn expect_answer(function: &str, answer: &Value) {
    let status = &answer["statusCode"];
    let body = answer["body"].as_str().unwrap_or_default();
    match function {
        "telegram-webhook" => {
            assert_eq!(status, 200, "{answer}");
            let reply: Value = serde_json::from_str(body).unwrap();
            assert_eq!(reply["method"], "sendMessage");
            assert!(reply["text"].as_str().unwrap().starts_with("Halo Budi!"));
        }
        // Genuinely signed (401 otherwise), for an order that nobody made.
        "midtrans-notification" => assert_eq!(status, 404, "{answer}"),
        // With the key of the local stack's seed.
        "api" => {
            assert_eq!(status, 200, "{answer}");
            let key: Value = serde_json::from_str(body).unwrap();
            assert_eq!(key["merchant"], "demo");
        }
        "web" => {
            assert_eq!(status, 200, "{answer}");
            assert!(body.contains("Jaya Gadget Servis"), "{body}");
        }
        // Genuinely signed, and recorded.
        "whatsapp-webhook" => {
            assert_eq!(status, 200, "{answer}");
            assert_eq!(body, "taken");
        }
        // A message that nobody queued is nothing to try again.
        "outbox-relay" | "message-sender" => {
            let failures = answer["batchItemFailures"].as_array();
            assert!(failures.is_none_or(Vec::is_empty), "{answer}");
        }
        "reconciler" => assert!(answer.is_object(), "{answer}"),
        // Nothing was billed yet that anybody could be reminded of.
        "billing-broadcast" => assert_eq!(answer["begun"], 0, "{answer}"),
        other => panic!("what does {other} answer to its sample?"),
    }
}
