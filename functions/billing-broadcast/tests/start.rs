//! The binary itself: it does not start without its variables, and names the one that is missing.

use std::process::Command;

#[test]
fn a_missing_variable_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_billing-broadcast"))
        .env_clear()
        .env("AWS_REGION", "ap-southeast-3")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(
        (&line["level"], &line["kind"], &line["error"]),
        (
            &"ERROR".into(),
            &"start".into(),
            &"the variable AWS_ACCESS_KEY_ID is missing or empty".into()
        )
    );
}
