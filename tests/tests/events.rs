//! Each function's own binary answers its sample event.

use std::collections::BTreeSet;
use std::path::Path;

use pesan_tests::{Stack, runtime_api, samples};
use serde_json::{Value, json};

#[tokio::test]
async fn every_function_answers_its_sample() {
    let stack = Stack::start();
    for name in samples::functions() {
        let invoked = runtime_api::invoke(&stack, &name).await;
        samples::expect_answer(&name, &invoked.answer);
        assert_eq!(invoked.line["request_id"], runtime_api::REQUEST_ID);
        let answer = &invoked.answer;
        // Only an answer to HTTP says a status itself.
        let status = answer.get("statusCode").cloned().unwrap_or(json!(200));
        assert_eq!(invoked.line["status"], status, "{name}");
    }
}

#[test]
fn sam_is_told_every_variable_of_the_local_stack() {
    let stack = Stack::start();
    // SAM sets these by itself.
    let by_sam = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let needed: BTreeSet<&str> = stack
        .environment()
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !by_sam.contains(name))
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sam-local.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let told = file["Parameters"].as_object().unwrap().keys();
    assert_eq!(told.map(String::as_str).collect::<BTreeSet<_>>(), needed);
}
