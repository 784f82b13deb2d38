//! The binary itself: it says what it takes, and which of it is wrong.

use std::process::Command;

#[test]
fn a_clock_that_is_none_is_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_pesan-local"))
        .args(["--ephemeral", "--clock", "tomorrow"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("--clock"), "{complaint}");
}
