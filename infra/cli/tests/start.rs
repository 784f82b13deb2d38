//! The binary itself: it says what it does not know.

use std::process::Command;

#[test]
fn a_command_that_is_none_is_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_pesan"))
        .arg("mechant")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("mechant"), "{complaint}");
    assert!(complaint.contains("merchant"), "{complaint}");
}
