//! The binary itself: it does not start without its variables, and names the one that is missing.

use std::process::Command;

#[test]
fn a_missing_variable_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_telegram-webhook"))
        .env_clear()
        .env("AWS_REGION", "ap-southeast-3")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("AWS_ACCESS_KEY_ID"), "{complaint}");
}
